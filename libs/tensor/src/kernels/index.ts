// All kernels of the tracing backend.
import './elementwise.ts';
import './matrix-multiply.ts';
import './reductions.ts';
import './shapes.ts';
import './top-k.ts';
