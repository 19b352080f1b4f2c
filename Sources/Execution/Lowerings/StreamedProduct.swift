import CKernels
import Graphs

/// Our own kernels for products with one matrix far larger than a cache and little of the other: dense layers behind
/// images. They read the large matrix once, in the order in which it lies, and fetch it ahead. Where each one beats
/// oneDNN was measured (one core of an AMD EPYC Zen 5; 32 rows, weights [25088, 1024]: forward 11.0 to 16.1 ms,
/// backward 8.7 to 11.5).
enum StreamedProduct {
    /// Few rows on the left: forward and backward-data.
    case fewRows
    /// A short inner extent: the weight's gradient.
    case fewSteps

    /// The kernel for a product, if one suits it.
    init?(_ product: MatMul, _ operands: [TensorType]) {
        guard operands[0].element == .float32, operands[1].element == .float32 else { return nil }
        let (rows, columns, inner) = product.extents(operands[0].shape, operands[1].shape)
        let weight = columns * inner
        if product.transposesLeft, !product.transposesRight, inner <= 16, rows * columns >= 1 << 20 {
            self = .fewSteps
        } else if !product.transposesLeft, (4...32).contains(rows),
            product.transposesRight ? weight >= 1 << 20 : weight >= 1 << 22 && inner >= 2 * columns
        {
            self = .fewRows
        } else {
            return nil
        }
    }

    /// Floats of scratch memory.
    func workspaceElementCount(columns: Int, inner: Int) -> Int {
        switch self {
        case .fewRows: lk_matmul_few_rows_workspace()
        case .fewSteps: lk_matmul_few_steps_workspace(columns, inner)
        }
    }

    /// The kernel.
    func run(_ call: inout lk_matmul_arguments) {
        switch self {
        case .fewRows: lk_matmul_few_rows(&call)
        case .fewSteps: lk_matmul_few_steps(&call)
        }
    }
}
