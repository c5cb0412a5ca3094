// What kind of thing a path names, by its extension: what a server's MIME type would say. Pure.

export type Content =
  | 'page'
  | 'script'
  | 'style'
  | 'image'
  | 'font'
  | 'video'
  | 'audio'
  | 'document'
  | 'archive'
  | 'data'
  | 'other'

const extensions: Readonly<Record<Exclude<Content, 'other'>, string>> = {
  page: 'html htm xhtml php asp aspx jsp do cgi shtml',
  script: 'js mjs cjs map wasm',
  style: 'css',
  image: 'png jpg jpeg gif webp avif svg ico bmp tif tiff',
  font: 'woff woff2 ttf otf eot',
  video: 'mp4 webm m3u8 ts mov avi mkv',
  audio: 'mp3 ogg wav flac m4a aac',
  document: 'pdf doc docx xls xlsx ppt pptx odt ods epub',
  archive: 'zip gz tgz bz2 xz zst tar rar 7z dmg exe deb rpm apk jar iso',
  data: 'json xml csv txt rss atom yaml yml ndjson',
}

const byExtension = new Map(
  Object.entries(extensions).flatMap(([content, list]) =>
    list.split(' ').map(extension => [extension, content as Content] as const),
  ),
)

/** Served as they lie there, as access-log analysers mean it. */
const staticContents: ReadonlySet<Content> = new Set([
  'script',
  'style',
  'image',
  'font',
  'video',
  'audio',
  'document',
  'archive',
])

/** A path without an extension is a page. */
export function contentOf(path: string): Content {
  const dot = path.lastIndexOf('.')
  if (dot < 0 || dot < path.lastIndexOf('/')) return 'page'
  return byExtension.get(path.slice(dot + 1).toLowerCase()) ?? 'other'
}

export function isStatic(content: Content): boolean {
  return staticContents.has(content)
}
