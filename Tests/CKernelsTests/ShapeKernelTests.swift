import CKernels
import Testing

/// Kernels that move, combine and reduce elements: clones give the same bits, the numbers of the plain twin, and write
/// nothing outside.
@Suite struct ShapeKernelTests {
    /// Runs a kernel and its twin on bytes of `count` elements of a type.
    private func compare(
        _ type: lk_type, count: Int, tolerance: Float = 0, _ comment: String = "",
        location: SourceLocation = #_sourceLocation, twin: (UnsafeMutableRawPointer) -> Void,
        kernel: (UnsafeMutableRawPointer) -> Void
    ) {
        let width = type == LK_FLOAT32 ? 4 : 2
        let blank = [UInt8](repeating: 0x3d, count: (count + 32) * 4)
        var expected = blank
        expected.withUnsafeMutableBytes { twin($0.baseAddress!) }
        var first: [UInt8]?
        withEachInstructionSet { set in
            var result = blank
            result.withUnsafeMutableBytes { kernel($0.baseAddress!) }
            #expect(
                result[(count * width)...].allSatisfy { $0 == 0x3d }, "\(comment)", sourceLocation: location)
            let off = distance(widened(result, type, count), widened(expected, type, count))
            #expect(off <= tolerance, "\(comment), set \(set.rawValue)", sourceLocation: location)
            #expect(first ?? result == result, "\(comment), set \(set.rawValue)", sourceLocation: location)
            first = first ?? result
        }
    }

    private func arguments(_ extents: [Int], x: [Int], y: [Int], _ types: (lk_type, lk_type))
        -> lk_copy_arguments
    {
        var result = lk_copy_arguments()
        result.rank = extents.count
        (result.x_type, result.y_type) = types
        withUnsafeMutableBytes(of: &result.extents) { $0.copyBytes(from: bytes(extents)) }
        withUnsafeMutableBytes(of: &result.x_strides) { $0.copyBytes(from: bytes(x)) }
        withUnsafeMutableBytes(of: &result.y_strides) { $0.copyBytes(from: bytes(y)) }
        return result
    }

    private func bytes(_ values: [Int]) -> [UInt8] {
        values.flatMap { value in withUnsafeBytes(of: value, Array.init) }
    }

    private func strides(_ extents: [Int]) -> [Int] {
        extents.indices.map { extents[($0 + 1)...].reduce(1, *) }
    }

    @Test(arguments: [
        [1, 1], [3, 5], [16, 16], [17, 31], [32, 48], [2, 17, 33], [3, 16, 32], [2, 5, 3, 7], [2, 16, 3, 17],
    ])
    func transposes(extents: [Int]) {
        var numbers = TestNumbers(extents.reduce(1, *))
        let count = extents.reduce(1, *)
        let values = numbers.floats(count)
        let own = strides(extents)
        for order in permutations(Array(extents.indices)) {
            let moved = order.map { extents[$0] }
            for (xt, yt) in typePairs {
                let x = stored(values, xt)
                var call = arguments(moved, x: order.map { own[$0] }, y: strides(moved), (xt, yt))
                compare(yt, count: count, "order \(order)") {
                    lkr_copy(&call, x, $0)
                } kernel: {
                    lk_copy(&call, x, $0)
                }
            }
        }
    }

    private func permutations(_ axes: [Int]) -> [[Int]] {
        axes.count <= 1
            ? [axes]
            : axes.flatMap { first in permutations(axes.filter { $0 != first }).map { [first] + $0 } }
    }

    /// A box out of a larger array into a box of another, and a row repeated.
    @Test func boxesAndRepetitions() {
        var numbers = TestNumbers(4)
        let values = numbers.floats(7 * 40)
        for (xt, yt) in typePairs {
            let x = stored(values, xt)
            for width in [1, 5, 16, 37] {
                var box = arguments([4, width], x: [40, 1], y: [50, 1], (xt, yt))
                (box.x_offset, box.y_offset) = (43, 51)
                compare(yt, count: 51 + 3 * 50 + width) {
                    lkr_copy(&box, x, $0)
                } kernel: {
                    lk_copy(&box, x, $0)
                }
                for from in [[1, 0], [0, 1], [0, 0], [40, 2]] {
                    var spread = arguments([4, width > 16 ? 20 : width], x: from, y: [width, 1], (xt, yt))
                    spread.y_strides.0 = width > 16 ? 20 : width
                    compare(yt, count: 4 * (width > 16 ? 20 : width), "from \(from)") {
                        lkr_copy(&spread, x, $0)
                    } kernel: {
                        lk_copy(&spread, x, $0)
                    }
                }
            }
        }
    }

    @Test func nothingToCopyWritesNothing() {
        var call = arguments([3, 0], x: [1, 1], y: [1, 1], (LK_FLOAT32, LK_FLOAT32))
        var y: Float = 5
        lk_copy(&call, [Float(1)], &y)
        #expect(y == 5)
    }

    @Test(arguments: [1, 15, 16, 17, 100], Int32(0)...5) func unary(count: Int, function: Int32) {
        var numbers = TestNumbers(count + Int(function))
        let values = numbers.floats(count, function == 1 || function == 3 ? 1e-3...50 : -9...9)
        for (xt, yt) in typePairs {
            let x = stored(values, xt)
            compare(yt, count: count, tolerance: yt == LK_FLOAT32 ? 1e-6 : 4e-3) {
                lkr_unary(function, x, xt, $0, yt, count)
            } kernel: {
                lk_unary(function, x, xt, $0, yt, count)
            }
        }
    }

    /// Relative to each result, over the whole range of floats: a sum of many small logarithms must not drift.
    @Test func logarithmsAndExponentialsAreAccurate() {
        var x = (0..<4000).map { Float(bitPattern: UInt32($0) * 530_000 + 1) }.filter { $0.isFinite }
        x += (0..<2000).map { 0.9 + Float($0) * 1e-4 }
        withEachInstructionSet { _ in
            var (y, z) = (GuardedFloats(count: x.count), GuardedFloats(count: x.count))
            y.withPointer { lk_unary(Int32(LK_LOG.rawValue), x, LK_FLOAT32, $0, LK_FLOAT32, x.count) }
            z.withPointer { lkr_unary(Int32(LK_LOG.rawValue), x, LK_FLOAT32, $0, LK_FLOAT32, x.count) }
            #expect(zip(y.values, z.values).allSatisfy { abs($0 - $1) <= 2.5e-7 * abs($1) })
            let small = (0..<2000).map { Float($0) * 0.17 - 170 }.filter { abs($0) < 87 }
            var (e, f) = (GuardedFloats(count: small.count), GuardedFloats(count: small.count))
            e.withPointer { lk_unary(Int32(LK_EXP.rawValue), small, LK_FLOAT32, $0, LK_FLOAT32, small.count) }
            f.withPointer {
                lkr_unary(Int32(LK_EXP.rawValue), small, LK_FLOAT32, $0, LK_FLOAT32, small.count)
            }
            #expect(zip(e.values, f.values).allSatisfy { abs($0 - $1) <= 3e-7 * $1 })
            let odd: [Float] = [0, -0.0, -1, .infinity, -.infinity, .nan, 1]
            var logs = GuardedFloats(count: odd.count)
            logs.withPointer { lk_unary(Int32(LK_LOG.rawValue), odd, LK_FLOAT32, $0, LK_FLOAT32, odd.count) }
            #expect(
                logs.values[0] == -.infinity && logs.values[1] == -.infinity && logs.values[3] == .infinity)
            #expect(
                logs.values[2].isNaN && logs.values[4].isNaN && logs.values[5].isNaN && logs.values[6] == 0)
            var powers = GuardedFloats(count: odd.count)
            powers.withPointer {
                lk_unary(Int32(LK_EXP.rawValue), odd, LK_FLOAT32, $0, LK_FLOAT32, odd.count)
            }
            #expect(powers.values[3] == .infinity && powers.values[4] < 1e-37 && powers.values[5].isNaN)
        }
    }

    /// Operands that are whole, or stand still along the last axis, the outer one, or both of two outer ones.
    @Test(arguments: Int32(0)...9, [1, 7, 16, 33]) func binary(function: Int32, width: Int) {
        var numbers = TestNumbers(width * 10 + Int(function))
        let positive: ClosedRange<Float> = function == 6 ? 0.1...3 : -2...2
        let (left, right) = (
            numbers.floats(6 * width, positive), numbers.floats(6 * width).map { ($0 * 2).rounded() + 0.5 }
        )
        let whole = [3 * width, width, 1]
        let others = [whole, [0, width, 1], [width, 0, 1], [0, 0, 1], [3, 1, 0], [1, 0, 0], [0, 1, 0]]
        for (xt, yt) in typePairs {
            let (x, y) = (stored(left, xt), stored(right, yt))
            for strides in others {
                for (xs, ys) in [(whole, strides), (strides, whole)] {
                    for zt in [LK_FLOAT32, LK_BFLOAT16] {
                        var call = lk_binary_arguments()
                        (call.function, call.rank) = (function, 3)
                        (call.x_type, call.y_type, call.z_type) = (xt, yt, zt)
                        withUnsafeMutableBytes(of: &call.extents) {
                            $0.copyBytes(from: bytes([2, 3, width]))
                        }
                        withUnsafeMutableBytes(of: &call.x_strides) { $0.copyBytes(from: bytes(xs)) }
                        withUnsafeMutableBytes(of: &call.y_strides) { $0.copyBytes(from: bytes(ys)) }
                        compare(
                            zt, count: 6 * width, tolerance: zt == LK_FLOAT32 ? 1e-6 : 4e-3, "\(xs) \(ys)"
                        ) {
                            lkr_binary(&call, x, y, $0)
                        } kernel: {
                            lk_binary(&call, x, y, $0)
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: [1, 7, 16, 33], [1, 2, 15, 16, 17, 50]) func extremes(inner: Int, extent: Int) {
        var numbers = TestNumbers(inner * 100 + extent)
        var values = numbers.floats(2 * extent * inner).map { ($0 * 4).rounded() }
        values[values.count / 2] = .nan
        for type in [LK_FLOAT32, LK_BFLOAT16] {
            let x = stored(values, type)
            for isLeast in [Int32(0), 1] {
                compare(LK_FLOAT32, count: 2 * inner) {
                    lkr_extreme(isLeast, x, type, $0.assumingMemoryBound(to: Float.self), 2, extent, inner)
                } kernel: {
                    lk_extreme(isLeast, x, type, $0.assumingMemoryBound(to: Float.self), 2, extent, inner)
                }
            }
            var expected = [Int32](repeating: -1, count: 2 * inner)
            lkr_arg_max(x, type, &expected, 2, extent, inner)
            #expect(expected.allSatisfy { (0..<Int32(extent)).contains($0) })
            withEachInstructionSet { _ in
                var places = [Int32](repeating: -1, count: 2 * inner)
                lk_arg_max(x, type, &places, 2, extent, inner)
                #expect(places == expected)
            }
        }
    }

    @Test(arguments: awkwardCounts) func choices(count: Int) {
        var numbers = TestNumbers(count)
        let (x, condition) = (numbers.floats(count), numbers.integers(count, below: 2).map(Float.init))
        let y = [Float](repeating: .nan, count: count)
        compare(LK_FLOAT32, count: count) {
            lkr_choose(condition, x, y, $0.assumingMemoryBound(to: Float.self), count)
        } kernel: {
            lk_choose(condition, x, y, $0.assumingMemoryBound(to: Float.self), count)
        }
    }

    @Test(arguments: [1, 7, 16, 33]) func gathers(inner: Int) {
        var numbers = TestNumbers(inner)
        let (values, ids) = (numbers.floats(2 * 6 * inner), [Int32(3), 0, 5, -1, 6, 3, .min, .max])
        for (xt, yt) in typePairs {
            let x = stored(values, xt)
            compare(yt, count: 2 * ids.count * inner, tolerance: 0) {
                lkr_gather(x, xt, ids, ids.count, 2, 6, inner, $0, yt)
            } kernel: {
                lk_gather(x, xt, ids, ids.count, 2, 6, inner, $0, yt)
            }
            compare(LK_FLOAT32, count: 2 * 9 * inner, tolerance: 1e-6) {
                lkr_gather_gradient(
                    [3, 0, 5, 3, -1, 9], 6, x, xt, 2, 9, inner, $0.assumingMemoryBound(to: Float.self))
            } kernel: {
                lk_gather_gradient(
                    [3, 0, 5, 3, -1, 9], 6, x, xt, 2, 9, inner, $0.assumingMemoryBound(to: Float.self))
            }
        }
        compare(LK_FLOAT32, count: ids.count * inner) {
            lkr_one_hot(ids, ids.count, inner, $0.assumingMemoryBound(to: Float.self))
        } kernel: {
            lk_one_hot(ids, ids.count, inner, $0.assumingMemoryBound(to: Float.self))
        }
    }

    @Test(arguments: [1, 7, 16, 33, 100], [Int32(0), 1]) func softmaxes(width: Int, isLog: Int32) {
        var numbers = TestNumbers(width)
        let (values, slopes) = (numbers.floats(3 * width, -9...9), numbers.floats(3 * width))
        for (xt, yt) in typePairs {
            let (x, dy) = (stored(values, xt), stored(slopes, xt))
            let tolerance: Float = yt == LK_FLOAT32 ? 2e-6 : 4e-3
            compare(yt, count: 3 * width, tolerance: tolerance) {
                lkr_softmax(isLog, x, xt, $0, yt, 3, width)
            } kernel: {
                lk_softmax(isLog, x, xt, $0, yt, 3, width)
            }
            for yType in [LK_FLOAT32, LK_BFLOAT16] {
                let y = stored(values.map { $0 / 9 }, yType)
                compare(yt, count: 3 * width, tolerance: tolerance * 4) {
                    lkr_softmax_gradient(isLog, dy, xt, y, yType, $0, yt, 3, width)
                } kernel: {
                    lk_softmax_gradient(isLog, dy, xt, y, yType, $0, yt, 3, width)
                }
            }
        }
    }
}
