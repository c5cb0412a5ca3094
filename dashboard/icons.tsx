// The page's icons: a few strokes each, drawn here, in the colour of the text beside them. Always next to words or
// under a label, so all are hidden from readers that cannot see them.

const paths = {
  overview: 'M2.5 9.5h4v4h-4zM2.5 2.5h4v4h-4zM9.5 2.5h4v4h-4zM9.5 9.5h4v4h-4z',
  charts: 'M2 13.5h12M2.5 10.5l3-4 3 2 4.5-6',
  tail: 'M2.5 3.5h11M2.5 6.5h8M2.5 9.5h11M2.5 12.5h5',
  cluster: 'M2.5 2.5h11v4h-11zM2.5 9.5h11v4h-11zM5 4.5h.2M5 11.5h.2',
  paths: 'M2.5 3.5h11M2.5 8h7.5M2.5 12.5h4',
  shield: 'M8 1.8l5 1.8v4c0 3.2-2 5.4-5 6.6-3-1.2-5-3.4-5-6.6v-4zM5.8 8l1.6 1.6 2.9-3',
  sun:
    'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.2v1.6M8 13.2v1.6M1.2 8h1.6M13.2 8h1.6' +
    'M3.2 3.2l1.1 1.1M11.7 11.7l1.1 1.1M3.2 12.8l1.1-1.1M11.7 4.3l1.1-1.1',
  moon: 'M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1z',
  auto: 'M8 2.2a5.8 5.8 0 1 0 0 11.6zM8 2.2a5.8 5.8 0 0 1 0 11.6',
  help: 'M5.8 6a2.2 2.2 0 1 1 3.3 1.9c-.7.4-1.1.8-1.1 1.6M8 11.9v.2',
  users:
    'M6 2.8a2.4 2.4 0 1 0 0 4.8 2.4 2.4 0 0 0 0-4.8zM1.8 13.2c.3-2.6 1.9-4 4.2-4s3.9 1.4 4.2 4' +
    'M10.6 3.1a2.2 2.2 0 0 1 0 4.2M11.8 9.5c1.4.5 2.2 1.8 2.4 3.7',
  agents: 'M2.5 3.5h11v6.5h-11zM6 13h4M8 10v3M5 6.8l1.4 1.2L5 9.2M8 9h2.5',
  bell: 'M4 11.2V7.4a4 4 0 0 1 8 0v3.8l1.2 1H2.8zM6.6 12.4a1.5 1.5 0 0 0 2.8 0',
  sliders: 'M2.5 4.5h6M11.5 4.5h2M2.5 11.5h2M7.5 11.5h6M8.5 3v3h3V3zM4.5 10v3h3v-3z',
  more: 'M3.5 8h.2M8 8h.2M12.5 8h.2',
  plus: 'M8 3v10M3 8h10',
  filter: 'M2.5 3h11L9.3 8.2v4.3l-2.6 1V8.2z',
  download: 'M8 2.5v7.5M4.6 7l3.4 3.4L11.4 7M2.8 13.2h10.4',
  crown: 'M2.8 11.5L2 5l3.2 2.4L8 3.2l2.8 4.2L14 5l-.8 6.5z',
  chevron: 'M6 3.5L10.5 8 6 12.5',
  table: 'M2.5 3.5h11v9h-11zM2.5 6.5h11M2.5 9.5h11M6.5 6.5v6',
  chart: 'M2.5 12.5l3.5-5 3 2.5 4.5-6.5',
  search: 'M7 2.8a4.2 4.2 0 1 0 0 8.4 4.2 4.2 0 0 0 0-8.4zM10.2 10.2l3.3 3.3',
  close: 'M4 4l8 8M12 4l-8 8',
  wrap: 'M2.5 4h11M2.5 8h8.6a2 2 0 0 1 0 4H8.5M10 10.2L8.2 12 10 13.8M2.5 12h3',
  down: 'M8 3v9.5M4 8.8l4 4 4-4',
  copy: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z',
  check: 'M3 8.5l3.2 3.2L13 4.8',
  link: 'M6.6 9.4l2.8-2.8M7.2 4.6l1.3-1.3a3 3 0 0 1 4.2 4.2l-1.3 1.3M8.8 11.4l-1.3 1.3a3 3 0 0 1-4.2-4.2l1.3-1.3',
} as const

export type IconName = keyof typeof paths

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  )
}

const shapes = {
  dot: 'M6 2a4 4 0 1 0 0 8 4 4 0 0 0 0-8z',
  ring: 'M6 2.2a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6zm0 1.6a2.2 2.2 0 1 1 0 4.4 2.2 2.2 0 0 1 0-4.4z',
  bars: 'M2.5 2h2.6v8H2.5zM6.9 2h2.6v8H6.9z',
  triangle: 'M6 1.4L11.2 10.4H.8z',
  cross: 'M2.6 1.4L6 4.8l3.4-3.4 1.2 1.2L7.2 6l3.4 3.4-1.2 1.2L6 7.2l-3.4 3.4-1.2-1.2L4.8 6 1.4 2.6z',
  dash: 'M2.5 5.2h7v1.6h-7z',
} as const

export type ShapeName = keyof typeof shapes

/** The shape half of a status; its word stands beside it, and colour only repeats what both say. */
export function Shape({ name }: { readonly name: ShapeName }) {
  return (
    <svg className="shape" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      <path d={shapes[name]} />
    </svg>
  )
}

/** Three streams that join into one channel. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
      <path className="mark-side" d="M3 5.5c5.5 0 6 4.6 11 5.4" />
      <path className="mark-side" d="M3 18.5c5.5 0 6-4.6 11-5.4" />
      <path className="mark-main" d="M3 12h18" />
    </svg>
  )
}
