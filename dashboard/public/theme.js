// Puts on the chosen theme before anything is painted. A file of its own because the page allows no inline script.
try {
  const theme = localStorage.getItem('tailrace.theme')
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme
} catch {
  // Storage denied: the system's theme it is.
}
