import CKernels
import Testing

/// Layer and RMS norm: clones give the same bits, the twin's numbers, and write nothing outside; float32 and bfloat16.
@Suite struct NormRowsKernelTests {
    private struct Case: CustomStringConvertible {
        let width: Int
        let type: lk_type
        var rows = 5
        var isRMS = false
        var hasFactors = true
        var hasResidual = false
        var description: String {
            "\(rows) x \(width) type \(type.rawValue) rms \(isRMS) factors \(hasFactors) residual \(hasResidual)"
        }
    }

    private static let cases: [Case] = awkwardWidths.flatMap { width in
        [LK_FLOAT32, LK_BFLOAT16].flatMap { type in
            [
                Case(width: width, type: type), Case(width: width, type: type, isRMS: true),
                Case(width: width, type: type, hasFactors: false, hasResidual: true),
                Case(width: width, type: type, rows: 130, hasResidual: true),
            ]
        }
    }

    /// The numbers of one run: everything that the kernel writes, one array after the other.
    private func forward(
        _ test: Case, _ numbers: inout TestNumbers, twin: Bool = false
    ) -> (arrays: [StoredNumbers], isIntact: Bool) {
        let count = test.rows * test.width
        let x = StoredNumbers(numbers.floats(count, -1...3), test.type)
        let residual = StoredNumbers(numbers.floats(count), test.type)
        let (scale, shift) = (numbers.floats(test.width), numbers.floats(test.width))
        let results = [StoredNumbers](
            [test.type, test.type].map { StoredNumbers(count: count, $0) }
                + [LK_FLOAT32, LK_FLOAT32].map { StoredNumbers(count: test.rows, $0) })
        var workspace = [Float](repeating: .nan, count: lk_norm_rows_workspace_count(test.width))
        var call = lk_norm_rows_arguments()
        call.x = UnsafeRawPointer(x.pointer)
        call.residual = test.hasResidual ? UnsafeRawPointer(residual.pointer) : nil
        (call.sum, call.y) = (test.hasResidual ? results[0].pointer : nil, results[1].pointer)
        (call.mean, call.inverse) = (test.isRMS ? nil : results[2].floats, results[3].floats)
        (call.rows, call.width, call.epsilon) = (test.rows, test.width, 1e-5)
        call.is_rms = test.isRMS ? 1 : 0
        (call.x_type, call.residual_type) = (test.type, test.type)
        (call.sum_type, call.y_type) = (test.type, test.type)
        scale.withUnsafeBufferPointer { scale in
            shift.withUnsafeBufferPointer { shift in
                workspace.withUnsafeMutableBufferPointer { workspace in
                    if test.hasFactors { (call.scale, call.shift) = (scale.baseAddress, shift.baseAddress) }
                    call.workspace = workspace.baseAddress
                    twin ? lkr_norm_rows(&call) : lk_norm_rows(&call)
                }
            }
        }
        return (results, results.allSatisfy(\.isIntact))
    }

    private func backward(
        _ test: Case, _ numbers: inout TestNumbers, twin: Bool = false
    ) -> (arrays: [StoredNumbers], isIntact: Bool) {
        let count = test.rows * test.width
        let dy = StoredNumbers(numbers.floats(count), test.type)
        let x = StoredNumbers(numbers.floats(count, -1...3), test.type)
        let addend = StoredNumbers(numbers.floats(count), test.type)
        let (scale, mean) = (numbers.floats(test.width), numbers.floats(test.rows, 0...1))
        let inverse = numbers.floats(test.rows, 0.5...2)
        let results = [
            StoredNumbers(count: count, test.type), StoredNumbers(count: test.width, LK_FLOAT32),
            StoredNumbers(count: test.width, LK_FLOAT32),
        ]
        var workspace = [Float](repeating: .nan, count: lk_norm_rows_workspace_count(test.width))
        var call = lk_norm_rows_gradient_arguments()
        (call.dy, call.x) = (UnsafeRawPointer(dy.pointer), UnsafeRawPointer(x.pointer))
        call.addend = test.hasResidual ? UnsafeRawPointer(addend.pointer) : nil
        call.dx = results[0].pointer
        if test.hasFactors { (call.dscale, call.dshift) = (results[1].floats, results[2].floats) }
        (call.rows, call.width) = (test.rows, test.width)
        (call.dy_type, call.x_type) = (test.type, test.type)
        (call.addend_type, call.dx_type) = (test.type, test.type)
        withPointers(scale, mean, inverse) { scale, mean, inverse in
            workspace.withUnsafeMutableBufferPointer { workspace in
                call.scale = test.hasFactors ? scale : nil
                call.mean = test.isRMS ? nil : mean
                (call.inverse, call.workspace) = (inverse, workspace.baseAddress)
                twin ? lkr_norm_rows_gradient(&call) : lk_norm_rows_gradient(&call)
            }
        }
        return (results, results.allSatisfy(\.isIntact))
    }

    private func withPointers(
        _ first: [Float], _ second: [Float], _ third: [Float],
        _ body: (UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>) -> Void
    ) {
        first.withUnsafeBufferPointer { first in
            second.withUnsafeBufferPointer { second in
                third.withUnsafeBufferPointer { third in
                    body(first.baseAddress!, second.baseAddress!, third.baseAddress!)
                }
            }
        }
    }

    @Test(arguments: [true, false]) func clonesAndTwin(isForward: Bool) {
        for test in Self.cases {
            // A row of one number has no deviation: its norm is decided by rounding alone.
            if test.width == 1 && !test.isRMS && isForward { continue }
            var first: [[UInt32]]?
            func run(twin: Bool) -> (arrays: [StoredNumbers], isIntact: Bool) {
                var numbers = TestNumbers(test.width)
                return isForward
                    ? forward(test, &numbers, twin: twin) : backward(test, &numbers, twin: twin)
            }
            let expected = run(twin: true)
            withEachInstructionSet { set in
                let result = run(twin: false)
                #expect(result.isIntact, "\(test) set \(set.rawValue)")
                for (ours, theirs) in zip(result.arrays, expected.arrays) {
                    // A bfloat16 may round the other way: one unit in eight bits.
                    let tolerance: Float = ours.type == LK_BFLOAT16 ? 8e-3 : 4e-6
                    let off = distance(ours.values, theirs.values)
                    #expect(off <= tolerance, "\(test) set \(set.rawValue): off by \(off)")
                }
                let all = result.arrays.map { bits($0.values) }
                #expect(first ?? all == all, "\(test) set \(set.rawValue)")
                first = first ?? all
            }
        }
    }

    /// A large mean must not drown the variance.
    @Test func farFromZero() {
        let x: [Float] = (0..<384).map { 10_000 + Float($0 % 7) }
        var (y, workspace) = (
            [Float](repeating: 0, count: 384),
            [Float](repeating: 0, count: lk_norm_rows_workspace_count(384))
        )
        var call = lk_norm_rows_arguments()
        (call.rows, call.width, call.epsilon) = (1, 384, 1e-5)
        x.withUnsafeBufferPointer { x in
            y.withUnsafeMutableBufferPointer { y in
                workspace.withUnsafeMutableBufferPointer { workspace in
                    call.x = UnsafeRawPointer(x.baseAddress!)
                    (call.y, call.workspace) = (
                        UnsafeMutableRawPointer(y.baseAddress!), workspace.baseAddress
                    )
                    lk_norm_rows(&call)
                }
            }
        }
        let mean = x.reduce(0.0) { $0 + Double($1) } / 384
        let variance = x.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / 384
        for (value, given) in zip(y, x) {
            #expect(abs(Double(value) - (Double(given) - mean) / (variance + 1e-5).squareRoot()) < 1e-3)
        }
    }
}
