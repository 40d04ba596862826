import "../styles/trace.css";

/** The hatching of what has no proof; once a page. */
export function Hatch() {
  return (
    <svg width="0" height="0" aria-hidden="true" class="hatch">
      <pattern id="hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect width="1.6" height="4" class="hatch-line" />
      </pattern>
    </svg>
  );
}
