// The frame of every page: self-contained, no script, no network, light and dark, fits a phone.
import { STYLE } from './html-style.ts';

/** A page; `title` and `body` are HTML. */
export function page({ title, body }: { readonly title: string; readonly body: string }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Overtone</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`;
}
