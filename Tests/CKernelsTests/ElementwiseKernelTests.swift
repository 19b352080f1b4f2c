import CKernels
import Testing

/// Each kernel's clones give the same bits as one another, the numbers of the plain twin, and write nothing outside.
@Suite struct ElementwiseKernelTests {
    /// Runs a kernel with all clones and its twin on the same inputs.
    private func compare(
        count: Int, tolerance: Float = 0, twin: (UnsafeMutablePointer<Float>) -> Void,
        kernel: (UnsafeMutablePointer<Float>) -> Void, location: SourceLocation = #_sourceLocation
    ) {
        var expected = GuardedFloats(count: count)
        expected.withPointer(twin)
        var first: [Float]?
        withEachInstructionSet { set in
            var result = GuardedFloats(count: count)
            result.withPointer(kernel)
            #expect(result.isIntact, "set \(set.rawValue), \(count) elements", sourceLocation: location)
            #expect(
                distance(result.values, expected.values) <= tolerance,
                "set \(set.rawValue), \(count) elements",
                sourceLocation: location)
            #expect(
                bits(first ?? result.values) == bits(result.values), "set \(set.rawValue), \(count) elements",
                sourceLocation: location)
            first = first ?? result.values
        }
    }

    @Test(arguments: awkwardCounts) func additionAndProducts(count: Int) {
        var numbers = TestNumbers(count)
        let (x, y) = (numbers.floats(count), numbers.floats(count))
        compare(count: count) {
            lkr_add(x, y, $0, count)
        } kernel: {
            lk_add(x, y, $0, count)
        }
        compare(count: count) {
            lkr_multiply(x, y, $0, count)
        } kernel: {
            lk_multiply(x, y, $0, count)
        }
        compare(count: count) {
            lkr_scale(x, 1.7, $0, count)
        } kernel: {
            lk_scale(x, 1.7, $0, count)
        }
    }

    @Test(arguments: awkwardCounts, [LK_IDENTITY, LK_RELU, LK_SIGMOID, LK_TANH, LK_GELU].map(\.rawValue))
    func activations(count: Int, code: UInt32) {
        var numbers = TestNumbers(count + Int(code))
        let (x, dy, code) = (numbers.floats(count, -9...9), numbers.floats(count), Int32(code))
        compare(count: count, tolerance: 5e-7) {
            lkr_activate(code, x, $0, count)
        } kernel: {
            lk_activate(code, x, $0, count)
        }
        let saved = code == Int32(LK_GELU.rawValue) ? x : x.map { abs($0) / 9 }
        compare(count: count, tolerance: 5e-7) {
            lkr_activation_gradient(code, dy, saved, $0, count)
        } kernel: {
            lk_activation_gradient(code, dy, saved, $0, count)
        }
    }

    @Test(arguments: awkwardWidths) func bias(width: Int) {
        var numbers = TestNumbers(width)
        let (rows, bias) = (5, numbers.floats(width))
        let x = numbers.floats(rows * width)
        compare(count: rows * width) {
            lkr_add_bias(x, bias, $0, rows, width)
        } kernel: {
            lk_add_bias(x, bias, $0, rows, width)
        }
    }

    @Test(arguments: awkwardCounts, [1, 7, 16, 33]) func sums(extent: Int, inner: Int) {
        var numbers = TestNumbers(extent * 1000 + inner)
        let x = numbers.floats(3 * extent * inner)
        compare(count: 3 * inner, tolerance: 1e-5) {
            lkr_reduce(x, $0, 3, extent, inner, 0.5)
        } kernel: {
            lk_reduce(x, $0, 3, extent, inner, 0.5)
        }
    }

    @Test(arguments: [1, 2, 17], [1, 7, 16, 33]) func repetition(extent: Int, inner: Int) {
        var numbers = TestNumbers(extent * 1000 + inner)
        let x = numbers.floats(3 * inner)
        compare(count: 3 * extent * inner) {
            lkr_broadcast(x, $0, 3, extent, inner)
        } kernel: {
            lk_broadcast(x, $0, 3, extent, inner)
        }
    }

    /// In place is how the planner uses them: the result may be the first operand.
    @Test(arguments: awkwardCounts) func inPlace(count: Int) {
        var numbers = TestNumbers(count)
        let (x, y) = (numbers.floats(count), numbers.floats(count))
        withEachInstructionSet { _ in
            var sum = GuardedFloats(x)
            sum.withPointer { lk_add($0, y, $0, count) }
            #expect(sum.values == Swift.zip(x, y).map { $0 + $1 })
            var activated = GuardedFloats(x)
            activated.withPointer { lk_activate(Int32(LK_RELU.rawValue), $0, $0, count) }
            #expect(activated.values == x.map { max($0, 0) })
        }
    }

    @Test func nonFiniteNumbersPropagate() {
        let x: [Float] = [.nan, .infinity, -.infinity, 1e30, -1e30, 88.8, -104, 0, -0.0]
        withEachInstructionSet { _ in
            for (code, expected) in [
                (LK_RELU, [.nan, .infinity, 0, 1e30, 0, 88.8, 0, 0, 0]),
                (LK_SIGMOID, [.nan, 1, 0, 1, 0, 1, 0, 0.5, 0.5]),
                (LK_TANH, [.nan, 1, -1, 1, -1, 1, -1, 0, 0]),
            ] as [(lk_activation, [Float])] {
                var result = GuardedFloats(count: x.count)
                result.withPointer { lk_activate(Int32(code.rawValue), x, $0, x.count) }
                #expect(result.values[0].isNaN, "activation \(code.rawValue) of NaN")
                #expect(
                    Swift.zip(result.values, expected).dropFirst().allSatisfy {
                        abs($0 - $1) < 1e-30 || $0 == $1
                    })
            }
            var gelu = GuardedFloats(count: x.count)
            gelu.withPointer { lk_activate(Int32(LK_GELU.rawValue), x, $0, x.count) }
            #expect(gelu.values[0].isNaN)
            #expect(gelu.values[3] == 1e30 && gelu.values[4] == 0)
            // A gradient of NaN stays NaN whatever the slope.
            let dy = [Float](repeating: .nan, count: 20)
            for code in 0...4 {
                var dx = GuardedFloats(count: 20)
                dx.withPointer {
                    lk_activation_gradient(Int32(code), dy, [Float](repeating: 0.5, count: 20), $0, 20)
                }
                #expect(dx.values.allSatisfy { $0.isNaN })
            }
        }
    }
}
