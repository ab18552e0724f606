// The address of an HTTP server in a configuration, which is written into run folders: a key has no place in it.
import { z } from 'zod';

/** An http or https address without credentials and without a query. */
export const serverAddress = z
  .url({ protocol: /^https?$/, error: 'must be an address like http://localhost:8000/v1' })
  .refine((text) => !/^[a-z]+:\/\/[^/?#]*@/i.test(text) && !/[?#]/.test(text), {
    error:
      'must be an address without credentials and without a query: a key belongs into a file or a variable',
  });
