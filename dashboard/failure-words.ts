// What is said where a page could not be shown: why that may be, and what helps. Pure.

export interface FailureWords {
  readonly title: string
  readonly text: string
  /** A part that could not be loaded stays so until the page is loaded anew. */
  readonly canRetry: boolean
}

/** How browsers put it when a file of the page is not where it was: Chromium, Firefox, Safari. */
const goneFile = /dynamically imported module|importing a module script failed|Unable to preload/i

export function failureWords({ message }: Error): FailureWords {
  if (goneFile.test(message)) {
    const text =
      'The server was upgraded while this page was open, or could not be reached. Reload it to go on.'
    return { title: 'This part of the page did not load', text, canRetry: false }
  }
  const text =
    'What the server sent is not what this page expects. After an upgrade of the server a reload helps; ' +
    'nothing is lost, and counting goes on.'
  return { title: 'This page could not be shown', text, canRetry: true }
}
