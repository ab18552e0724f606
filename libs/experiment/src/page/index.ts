// The page of a run, from its folder.
export { readPageMaterial } from './page-material.ts';
export { rebuildPage } from './rebuild-page.ts';
