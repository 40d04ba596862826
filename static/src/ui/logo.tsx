/** Four pipes; the last is copper when a person is needed. */
export function Logo({ size = 20, warm = false }: { size?: number; warm?: boolean }) {
  return (
    <svg width={size} height={size} viewBox="0 0 20 20" aria-hidden="true">
      <rect x="1" y="3" width="3" height="14" rx="1.5" fill="var(--accent)" />
      <rect x="6" y="3" width="3" height="11" rx="1.5" fill="var(--accent)" />
      <rect x="11" y="3" width="3" height="8" rx="1.5" fill="var(--accent)" />
      <rect x="16" y="3" width="3" height="5" rx="1.5" fill={warm ? "var(--warm-solid)" : "var(--rest)"} />
    </svg>
  );
}
