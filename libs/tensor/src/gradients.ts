// TensorFlow.js's own gradient functions, registered. Its CommonJS build for Node leaves them out, and the ES
// modules that hold them import one another without file endings, which Node refuses: resolve those here.
import { registerHooks } from 'node:module';

const inTfjs = (url: string | undefined): boolean => url?.includes('/@tensorflow/tfjs-core/dist/') ?? false;

const hooks = registerHooks({
  resolve(specifier, context, next) {
    const relative = specifier.startsWith('.') && inTfjs(context.parentURL);
    return next(relative && !specifier.endsWith('.js') ? `${specifier}.js` : specifier, context);
  },
  load(url, context, next) {
    return next(url, inTfjs(url) && !url.endsWith('.node.js') ? { ...context, format: 'module' } : context);
  },
});
await import('@tensorflow/tfjs-core/dist/register_all_gradients.js');
hooks.deregister();
