// Tables on the page.

/** A table that scrolls sideways on a narrow screen, by keyboard too; cells are HTML, `label` says what it is a table of. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  label = header[0] ?? '',
): string {
  const head = header.map((cell) => (cell === '' ? '<td></td>' : `<th scope="col">${cell}</th>`)).join('');
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n');
  return `<div class="scroll" tabindex="0" role="region" aria-label="Table: ${label.replace(/<[^>]*>/g, '').replaceAll('"', '&quot;')}"><table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}
