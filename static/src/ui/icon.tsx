/** Outlines on a grid of 16, drawn with the text's colour. */
const OUTLINES = {
  sessions:
    "M2.5 4A1.5 1.5 0 0 1 4 2.5h8A1.5 1.5 0 0 1 13.5 4v8a1.5 1.5 0 0 1-1.5 1.5H4A1.5 1.5 0 0 1 2.5 12zM5 6l2 2-2 2M8.5 10.2h2.5",
  inbox: "M2.3 9.5 4.2 3h7.6l1.9 6.5v3.7H2.3zM2.3 9.5h3.4c.3 1.2 1.2 1.9 2.3 1.9s2-.7 2.3-1.9h3.4",
  grid: "M2.5 2.5h4.3v4.3H2.5zM9.2 2.5h4.3v4.3H9.2zM2.5 9.2h4.3v4.3H2.5zM9.2 9.2h4.3v4.3H9.2z",
  settings:
    "M2 5h7M13 5h1M2 11h1M7 11h7M11 3.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6M5 9.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9",
  moon: "M13.3 9.6A5.6 5.6 0 0 1 6.4 2.7a5.6 5.6 0 1 0 6.9 6.9z",
  signOut: "M6.5 2.5h-3a1 1 0 0 0-1 1v9a1 1 0 0 0 1 1h3M10.5 5l3 3-3 3M13.5 8H6.5",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.4 10.4l3.1 3.1",
  plus: "M8 3v10M3 8h10",
  down: "M4.5 6.5 8 10l3.5-3.5",
  up: "M4.5 9.5 8 6l3.5 3.5",
  right: "M6.5 4.5 10 8l-3.5 3.5",
  left: "M9.5 4.5 6 8l3.5 3.5",
  close: "M4 4l8 8M12 4l-8 8",
  pin: "M5.5 2.5h5M6.5 2.5v4L4.5 9h7l-2-2.5v-4M8 9v4.5",
  pencil: "M10.7 3.3l2 2-7.2 7.2-2.7.7.7-2.7zM9.3 4.7l2 2",
  branch:
    "M5 5.5v5M5 3a1.4 1.4 0 1 0 0 2.6A1.4 1.4 0 0 0 5 3M5 10.4A1.4 1.4 0 1 0 5 13a1.4 1.4 0 0 0 0-2.6M11 3.4A1.4 1.4 0 1 0 11 6a1.4 1.4 0 0 0 0-2.6M11 6c0 2.6-3.5 2.2-5.2 3.6",
  refresh: "M13 8a5 5 0 1 1-1.5-3.6M12.8 2.3v2.6h-2.6",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  copy: "M5.6 5.6h7.6v7.6H5.6zM10.4 5.6V2.8H2.8v7.6h2.8",
  tick: "M3.2 8.4l3 3 6.6-6.8",
  minus: "M4 8h8",
  warning: "M8 2.6l5.9 10.3H2.1zM8 6.5v3M8 11.2h.01",
  folder: "M2.3 12.5v-9h4l1.4 1.7h6v7.3z",
  eye: "M1.8 8s2.2-4.2 6.2-4.2S14.2 8 14.2 8s-2.2 4.2-6.2 4.2S1.8 8 1.8 8zM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6",
  clock: "M8 2.3a5.7 5.7 0 1 0 0 11.4A5.7 5.7 0 0 0 8 2.3M8 5v3.2l2 1.3",
  monitor: "M2 3.3h12v7.4H2zM5.5 13.2h5M8 10.7v2.5",
  phone: "M5 2.2h6v11.6H5zM7.4 11.8h1.2",
  fit: "M2.5 5.5v-3h3M10.5 2.5h3v3M13.5 10.5v3h-3M5.5 13.5h-3v-3",
  image: "M2.5 3h11v10h-11zM2.5 11l3-3 2.5 2.5 2-2 3.5 3.5M5.7 5.2a.8.8 0 1 0 0 1.6.8.8 0 0 0 0-1.6",
  send: "M8 13V3.5M4 7.2 8 3.2l4 4",
  play: "M4.8 3.2l7.4 4.8-7.4 4.8z",
  stop: "M4.2 4.2h7.6v7.6H4.2z",
  link: "M6.8 9.2l2.4-2.4M7.4 5l1.3-1.3a2.5 2.5 0 0 1 3.6 3.6L11 8.6M8.6 11l-1.3 1.3a2.5 2.5 0 0 1-3.6-3.6L5 7.4",
  lock: "M4 7.2h8v6H4zM5.6 7.2V5.3a2.4 2.4 0 0 1 4.8 0v1.9",
  download: "M8 2.8v7.4M4.8 7.2 8 10.4l3.2-3.2M3 13.2h10",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  keys: "M1.8 4.5h12.4v7H1.8zM4.2 7h.01M6.7 7h.01M9.2 7h.01M11.8 7h.01M5 9.3h6",
  bell: "M4 11V7.3a4 4 0 0 1 8 0V11l1 1.2H3zM6.8 13.8h2.4",
  trash: "M3 4.5h10M6.5 4.5V3h3v1.5M4.3 4.5l.6 8.7h6.2l.6-8.7",
  bulb: "M8 2.2a4 4 0 0 0-2.2 7.3v1.7h4.4V9.5A4 4 0 0 0 8 2.2M6.4 13.4h3.2",
  file: "M4 2.2h5l3 3v8.6H4zM9 2.2v3h3",
  terminal: "M2.3 3h11.4v10H2.3zM4.8 6.2l1.9 1.8-1.9 1.8M8.2 10h2.6",
  robot: "M3.5 6h9v7h-9zM8 6V3.2M6.2 9h.01M9.8 9h.01",
} as const;

export type IconName = keyof typeof OUTLINES;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-linecap="round"
      stroke-linejoin="round"
      stroke-width={name === "more" ? 2 : 1.4}
      aria-hidden="true"
    >
      <path d={OUTLINES[name]} />
    </svg>
  );
}
