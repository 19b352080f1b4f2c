import CKernels
import Testing

/// Rotary positions: the kernel against its plain twin, clones against each other, in place and apart.
@Suite struct RotationKernelTests {
    private func run(
        width: Int, row: Int, heads: Int, _ types: (lk_type, lk_type), isInPlace: Bool,
        _ kernel: (UnsafePointer<lk_rotation_arguments>) -> Void
    ) -> (values: [Float], isIntact: Bool) {
        var numbers = TestNumbers(width * 100 + row)
        let (samples, tokens) = (2, 3)
        let x = StoredNumbers(numbers.floats(samples * tokens * row), types.0)
        let y = isInPlace ? x : StoredNumbers(count: samples * tokens * row, types.1)
        let turns = numbers.floats(tokens * width, -1...1)
        turns.withUnsafeBufferPointer { turns in
            var call = lk_rotation_arguments()
            (call.samples, call.tokens, call.row) = (samples, tokens, row)
            (call.heads, call.width, call.turns) = (heads, width, turns.baseAddress)
            (call.x, call.x_type) = (UnsafeRawPointer(x.pointer), types.0)
            (call.y, call.y_type) = (y.pointer, types.1)
            kernel(&call)
        }
        return (y.values, x.isIntact && y.isIntact)
    }

    @Test(arguments: [2, 6, 16, 32, 34, 64, 80], [0, 1, 15, 33]) func rows(width: Int, rest: Int) {
        let kinds = [
            (LK_FLOAT32, LK_FLOAT32), (LK_FLOAT32, LK_BFLOAT16), (LK_BFLOAT16, LK_FLOAT32),
            (LK_BFLOAT16, LK_BFLOAT16),
        ]
        for heads in [1, 3] {
            for (number, types) in kinds.enumerated() {
                for isInPlace in number % 3 == 0 ? [false, true] : [false] {
                    let row = heads * width + rest
                    func result(_ kernel: (UnsafePointer<lk_rotation_arguments>) -> Void) -> (
                        values: [Float], isIntact: Bool
                    ) {
                        run(width: width, row: row, heads: heads, types, isInPlace: isInPlace, kernel)
                    }
                    let expected = result { lkr_rotate($0) }.values
                    var first: [Float]?
                    withEachInstructionSet { set in
                        let (values, isIntact) = result { lk_rotate($0) }
                        let tolerance: Float = types.1 == LK_BFLOAT16 ? 5e-3 : 1e-6
                        #expect(
                            isIntact && distance(values, expected) < tolerance, "\(width) \(row) \(number)")
                        #expect(bits(first ?? values) == bits(values), "\(width) \(row) \(number)")
                        first = first ?? values
                    }
                }
            }
        }
    }
}
