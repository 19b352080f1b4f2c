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
            lkr_add(x, LK_FLOAT32, y, LK_FLOAT32, $0, LK_FLOAT32, count)
        } kernel: {
            lk_add(x, LK_FLOAT32, y, LK_FLOAT32, $0, LK_FLOAT32, count)
        }
        compare(count: count) {
            lkr_multiply(x, LK_FLOAT32, y, LK_FLOAT32, $0, LK_FLOAT32, count)
        } kernel: {
            lk_multiply(x, LK_FLOAT32, y, LK_FLOAT32, $0, LK_FLOAT32, count)
        }
        compare(count: count) {
            lkr_scale(x, LK_FLOAT32, 1.7, $0, LK_FLOAT32, count)
        } kernel: {
            lk_scale(x, LK_FLOAT32, 1.7, $0, LK_FLOAT32, count)
        }
    }

    @Test(arguments: awkwardCounts, Array(UInt32(0)...9))
    func activations(count: Int, code: UInt32) {
        var numbers = TestNumbers(count + Int(code))
        let (x, dy, code) = (numbers.floats(count, -9...9), numbers.floats(count), Int32(code))
        compare(count: count, tolerance: 5e-7) {
            lkr_activate(code, x, LK_FLOAT32, $0, LK_FLOAT32, count)
        } kernel: {
            lk_activate(code, x, LK_FLOAT32, $0, LK_FLOAT32, count)
        }
        let takesInput = [LK_GELU, LK_GELU_TANH, LK_SILU, LK_SOFTPLUS].map { Int32($0.rawValue) }.contains(
            code)
        let saved = takesInput ? x : x.map { abs($0) / 9 }
        compare(count: count, tolerance: 5e-7) {
            lkr_activation_gradient(code, dy, LK_FLOAT32, saved, LK_FLOAT32, $0, LK_FLOAT32, count)
        } kernel: {
            lk_activation_gradient(code, dy, LK_FLOAT32, saved, LK_FLOAT32, $0, LK_FLOAT32, count)
        }
    }

    @Test(arguments: awkwardWidths) func bias(width: Int) {
        var numbers = TestNumbers(width)
        let (rows, bias) = (5, numbers.floats(width))
        let x = numbers.floats(rows * width)
        compare(count: rows * width) {
            lkr_add_bias(x, LK_FLOAT32, bias, $0, LK_FLOAT32, rows, width)
        } kernel: {
            lk_add_bias(x, LK_FLOAT32, bias, $0, LK_FLOAT32, rows, width)
        }
    }

    @Test(arguments: awkwardCounts, [1, 7, 16, 33]) func sums(extent: Int, inner: Int) {
        var numbers = TestNumbers(extent * 1000 + inner)
        let x = numbers.floats(3 * extent * inner)
        compare(count: 3 * inner, tolerance: 1e-5) {
            lkr_reduce(x, LK_FLOAT32, $0, 3, extent, inner, 0.5)
        } kernel: {
            lk_reduce(x, LK_FLOAT32, $0, 3, extent, inner, 0.5)
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
            sum.withPointer { lk_add($0, LK_FLOAT32, y, LK_FLOAT32, $0, LK_FLOAT32, count) }
            #expect(sum.values == Swift.zip(x, y).map { $0 + $1 })
            var activated = GuardedFloats(x)
            activated.withPointer {
                lk_activate(Int32(LK_RELU.rawValue), $0, LK_FLOAT32, $0, LK_FLOAT32, count)
            }
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
                result.withPointer {
                    lk_activate(Int32(code.rawValue), x, LK_FLOAT32, $0, LK_FLOAT32, x.count)
                }
                #expect(result.values[0].isNaN, "activation \(code.rawValue) of NaN")
                #expect(
                    Swift.zip(result.values, expected).dropFirst().allSatisfy {
                        abs($0 - $1) < 1e-30 || $0 == $1
                    })
            }
            var gelu = GuardedFloats(count: x.count)
            gelu.withPointer { lk_activate(Int32(LK_GELU.rawValue), x, LK_FLOAT32, $0, LK_FLOAT32, x.count) }
            #expect(gelu.values[0].isNaN)
            #expect(gelu.values[3] == 1e30 && gelu.values[4] == 0)
            // GELU's cube and SiLU's product overflow where the results do not.
            for kind in [LK_GELU_TANH, LK_SILU, LK_SOFTPLUS, LK_ELU, LK_LEAKY_RELU] {
                let (code, count) = (Int32(kind.rawValue), x.count)
                var (value, slope) = (GuardedFloats(count: count), GuardedFloats(count: count))
                value.withPointer { lk_activate(code, x, LK_FLOAT32, $0, LK_FLOAT32, count) }
                #expect(value.values[0].isNaN && value.values[3] == 1e30)
                #expect(kind == LK_LEAKY_RELU || abs(value.values[4]) <= 1)
                #expect(value.values.dropFirst(3).allSatisfy { $0.isFinite })
                let ones = [Float](repeating: 1, count: count)
                slope.withPointer {
                    lk_activation_gradient(code, ones, LK_FLOAT32, x, LK_FLOAT32, $0, LK_FLOAT32, count)
                }
                #expect(kind == LK_LEAKY_RELU || kind == LK_ELU || slope.values[0].isNaN)
                #expect(slope.values[3] == 1)
            }
            // A gradient of NaN stays NaN whatever the slope.
            let dy = [Float](repeating: .nan, count: 20)
            for code in 0...9 {
                var dx = GuardedFloats(count: 20)
                dx.withPointer {
                    lk_activation_gradient(
                        Int32(code), dy, LK_FLOAT32, [Float](repeating: 0.5, count: 20), LK_FLOAT32, $0,
                        LK_FLOAT32, 20)
                }
                #expect(dx.values.allSatisfy { $0.isNaN })
            }
        }
    }
}
