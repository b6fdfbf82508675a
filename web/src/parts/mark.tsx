/** The sign of Pathrace: three routes, of which one has arrived. */
export function Mark() {
  return (
    <svg viewBox="0 0 26 20" aria-hidden="true" focusable="false">
      <path class="logo-a" d="M2 3h10" />
      <path class="logo-b" d="M2 10h17" />
      <path class="logo-c" d="M2 17h13" />
      <circle cx="23" cy="10" r="2.4" />
    </svg>
  );
}
