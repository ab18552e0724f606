// Cholesky's factorisation of symmetric positive definite matrices, row-major in one array: what a quadratic approximation
// needs to step to its optimum and to tell its covariance.

/** The lower triangular factor L of L·Lᵀ, in the matrix's place; only the lower triangle is read and written. */
export function cholesky(matrix: Float64Array, size: number): Float64Array {
  for (let row = 0; row < size; row++) {
    const own = row * size;
    for (let column = 0; column <= row; column++) {
      const other = column * size;
      let rest = matrix[own + column] as number;
      for (let k = 0; k < column; k++) rest -= (matrix[own + k] as number) * (matrix[other + k] as number);
      matrix[own + column] = row === column ? Math.sqrt(rest) : rest / (matrix[other + column] as number);
    }
  }
  return matrix;
}

/** Solves (L·Lᵀ) x = right. */
export function solveCholesky(factor: Float64Array, right: Float64Array): Float64Array {
  const size = right.length;
  const x = right.slice();
  for (let row = 0; row < size; row++) {
    let rest = x[row] as number;
    for (let k = 0; k < row; k++) rest -= (factor[row * size + k] as number) * (x[k] as number);
    x[row] = rest / (factor[row * size + row] as number);
  }
  for (let row = size - 1; row >= 0; row--) {
    let rest = x[row] as number;
    for (let k = row + 1; k < size; k++) rest -= (factor[k * size + row] as number) * (x[k] as number);
    x[row] = rest / (factor[row * size + row] as number);
  }
  return x;
}

/** (L·Lᵀ)⁻¹, both triangles. */
export function invertCholesky(factor: Float64Array, size: number): Float64Array {
  const lower = invertLower(factor, size);
  const inverse = new Float64Array(size * size);
  for (let k = 0; k < size; k++) {
    for (let row = 0; row <= k; row++) {
      const left = lower[k * size + row] as number;
      for (let column = 0; column <= row; column++) {
        const at = row * size + column;
        inverse[at] = (inverse[at] as number) + left * (lower[k * size + column] as number);
      }
    }
  }
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < row; column++)
      inverse[column * size + row] = inverse[row * size + column] as number;
  }
  return inverse;
}

/** The diagonal of (L·Lᵀ)⁻¹. */
export function inverseDiagonal(factor: Float64Array, size: number): Float64Array {
  const lower = invertLower(factor, size);
  const diagonal = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      const value = lower[row * size + column] as number;
      diagonal[column] = (diagonal[column] as number) + value * value;
    }
  }
  return diagonal;
}

/** L⁻¹, lower triangular. */
function invertLower(factor: Float64Array, size: number): Float64Array {
  const inverse = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    const pivot = factor[row * size + row] as number;
    inverse[row * size + row] = 1 / pivot;
    for (let column = 0; column < row; column++) {
      let sum = 0;
      for (let k = column; k < row; k++)
        sum += (factor[row * size + k] as number) * (inverse[k * size + column] as number);
      inverse[row * size + column] = -sum / pivot;
    }
  }
  return inverse;
}
