import CKernels
import Testing

/// Kernels that take float32 or bfloat16 storage: every combination of types against the twin, and clones against one
/// another.
@Suite struct TypedKernelTests {
    /// Runs a kernel and its twin on bytes; the result is of type `type`.
    private func compare(
        _ type: lk_type, count: Int, location: SourceLocation = #_sourceLocation,
        twin: (UnsafeMutableRawPointer) -> Void, kernel: (UnsafeMutableRawPointer) -> Void
    ) {
        let width = type == LK_FLOAT32 ? 4 : 2
        var expected = [UInt8](repeating: 7, count: (count + 32) * 4)
        expected.withUnsafeMutableBytes { twin($0.baseAddress!) }
        var first: [UInt8]?
        withEachInstructionSet { _ in
            var result = [UInt8](repeating: 7, count: (count + 32) * 4)
            result.withUnsafeMutableBytes { kernel($0.baseAddress!) }
            #expect(result[(count * width)...].allSatisfy { $0 == 7 }, sourceLocation: location)
            // Half a unit in the last place of bfloat16 where its rounding falls the other way.
            let tolerance: Float = type == LK_FLOAT32 ? 1e-6 : 4e-3
            let off = distance(widened(result, type, count), widened(expected, type, count))
            #expect(off <= tolerance, "off by \(off)", sourceLocation: location)
            #expect(first ?? result == result, sourceLocation: location)
            first = first ?? result
        }
    }

    @Test(arguments: [1, 15, 16, 17, 100]) func elementwise(count: Int) {
        var numbers = TestNumbers(count)
        let (wideX, wideY) = (numbers.floats(count), numbers.floats(count))
        for (xt, yt) in typePairs {
            let (x, y) = (stored(wideX, xt), stored(wideY, yt))
            for zt in [LK_FLOAT32, LK_BFLOAT16] {
                compare(zt, count: count) {
                    lkr_add(x, xt, y, yt, $0, zt, count)
                } kernel: {
                    lk_add(x, xt, y, yt, $0, zt, count)
                }
                compare(zt, count: count) {
                    lkr_multiply(x, xt, y, yt, $0, zt, count)
                } kernel: {
                    lk_multiply(x, xt, y, yt, $0, zt, count)
                }
                for code in Int32(0)...9 {
                    compare(zt, count: count) {
                        lkr_activation_gradient(code, x, xt, y, yt, $0, zt, count)
                    } kernel: {
                        lk_activation_gradient(code, x, xt, y, yt, $0, zt, count)
                    }
                }
            }
            for code in Int32(0)...9 {
                compare(yt, count: count) {
                    lkr_activate(code, x, xt, $0, yt, count)
                } kernel: {
                    lk_activate(code, x, xt, $0, yt, count)
                }
            }
            compare(yt, count: count) {
                lkr_scale(x, xt, -0.3, $0, yt, count)
            } kernel: {
                lk_scale(x, xt, -0.3, $0, yt, count)
            }
        }
    }

    @Test(arguments: [1, 16, 33]) func rows(width: Int) {
        var numbers = TestNumbers(width)
        let (wide, bias, ids) = (numbers.floats(6 * width), numbers.floats(width), [Int32(3), 0, 5, 3])
        var key = lk_dropout_arguments(
            seed: 5, ordinal: 1, first_sample: 3, step: 2, threshold: UInt32(0.4 * 0x1p32), scale: 1.5)
        for (xt, yt) in typePairs {
            let x = stored(wide, xt)
            compare(yt, count: 6 * width) {
                lkr_add_bias(x, xt, bias, $0, yt, 6, width)
            } kernel: {
                lk_add_bias(x, xt, bias, $0, yt, 6, width)
            }
            compare(yt, count: 4 * width) {
                lkr_embedding(x, xt, 6, width, ids, 4, $0, yt)
            } kernel: {
                lk_embedding(x, xt, 6, width, ids, 4, $0, yt)
            }
            compare(yt, count: 6 * width) {
                lkr_dropout(&key, x, xt, $0, yt, 6, width)
            } kernel: {
                lk_dropout(&key, x, xt, $0, yt, 6, width)
            }
            compare(LK_FLOAT32, count: 2 * width) {
                lkr_reduce(x, xt, $0.assumingMemoryBound(to: Float.self), 2, 3, width, 0.5)
            } kernel: {
                lk_reduce(x, xt, $0.assumingMemoryBound(to: Float.self), 2, 3, width, 0.5)
            }
            compare(LK_FLOAT32, count: 6) {
                lkr_reduce(x, xt, $0.assumingMemoryBound(to: Float.self), 6, width, 1, 1)
            } kernel: {
                lk_reduce(x, xt, $0.assumingMemoryBound(to: Float.self), 6, width, 1, 1)
            }
        }
    }
}
