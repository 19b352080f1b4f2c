import CKernels
import Testing

@Suite struct EmbeddingKernelTests {
    private let rows = 11
    private let samples = 4
    private let tokens = 9

    /// Ids with repetitions, padding (0), a sample of padding alone, and ids outside the table.
    private func ids(_ width: Int) -> [Int32] {
        var numbers = TestNumbers(width)
        var ids = numbers.integers(samples * tokens, below: rows)
        for token in 0..<tokens { ids[tokens + token] = 0 }
        for token in 5..<tokens { ids[2 * tokens + token] = 0 }
        ids[0] = -1
        ids[1] = Int32(rows)
        ids[2] = .min
        ids[3] = .max
        return ids
    }

    private func compare(
        count: Int, tolerance: Float, twin: (UnsafeMutablePointer<Float>) -> Void,
        kernel: (UnsafeMutablePointer<Float>) -> Void, location: SourceLocation = #_sourceLocation
    ) {
        var expected = GuardedFloats(count: count)
        expected.withPointer(twin)
        var first: [Float]?
        withEachInstructionSet { set in
            var result = GuardedFloats(count: count)
            result.withPointer(kernel)
            #expect(result.isIntact, "set \(set.rawValue)", sourceLocation: location)
            #expect(
                distance(result.values, expected.values) <= tolerance, "set \(set.rawValue)",
                sourceLocation: location)
            #expect(bits(first ?? result.values) == bits(result.values), sourceLocation: location)
            first = first ?? result.values
        }
    }

    @Test(arguments: awkwardWidths) func lookUp(width: Int) {
        var numbers = TestNumbers(width)
        let (table, ids) = (numbers.floats(rows * width), ids(width))
        let dy = numbers.floats(ids.count * width)
        compare(count: ids.count * width, tolerance: 0) {
            lkr_embedding(table, LK_FLOAT32, rows, width, ids, ids.count, $0, LK_FLOAT32)
        } kernel: {
            lk_embedding(table, LK_FLOAT32, rows, width, ids, ids.count, $0, LK_FLOAT32)
        }
        compare(count: rows * width, tolerance: 1e-6) {
            lkr_embedding_gradient(ids, ids.count, dy, rows, width, $0)
        } kernel: {
            lk_embedding_gradient(ids, ids.count, dy, rows, width, $0)
        }
    }

    @Test(arguments: awkwardWidths, [0, 3, Int64.min]) func pooledLookUp(width: Int, padding: Int64) {
        var numbers = TestNumbers(width)
        let (table, ids) = (numbers.floats(rows * width), ids(width))
        let dy = numbers.floats(samples * width)
        compare(count: samples * width, tolerance: 1e-6) {
            lkr_embedding_mean(table, rows, width, ids, samples, tokens, padding, $0)
        } kernel: {
            lk_embedding_mean(table, rows, width, ids, samples, tokens, padding, $0)
        }
        compare(count: rows * width, tolerance: 1e-6) {
            lkr_embedding_mean_gradient(ids, samples, tokens, padding, dy, rows, width, $0)
        } kernel: {
            lk_embedding_mean_gradient(ids, samples, tokens, padding, dy, rows, width, $0)
        }
    }

    @Test(arguments: awkwardWidths, [0, 3, Int64.min]) func maskedMean(width: Int, padding: Int64) {
        var numbers = TestNumbers(width)
        let (x, ids) = (numbers.floats(samples * tokens * width), ids(width))
        let dy = numbers.floats(samples * width)
        compare(count: samples * width, tolerance: 1e-6) {
            lkr_masked_mean(x, ids, samples, tokens, width, padding, $0)
        } kernel: {
            lk_masked_mean(x, ids, samples, tokens, width, padding, $0)
        }
        compare(count: samples * tokens * width, tolerance: 1e-6) {
            lkr_masked_mean_gradient(dy, ids, samples, tokens, width, padding, $0)
        } kernel: {
            lk_masked_mean_gradient(dy, ids, samples, tokens, width, padding, $0)
        }
    }

    /// The fused and the unfused way are the same sums in the same order.
    @Test(arguments: awkwardWidths) func fusedHasTheBitsOfTwoSteps(width: Int) {
        var numbers = TestNumbers(width)
        let (table, ids) = (numbers.floats(rows * width), ids(width))
        withEachInstructionSet { _ in
            var (fused, apart) = (
                GuardedFloats(count: samples * width), GuardedFloats(count: samples * width)
            )
            var looked = GuardedFloats(count: ids.count * width)
            fused.withPointer { lk_embedding_mean(table, rows, width, ids, samples, tokens, 0, $0) }
            looked.withPointer { rowsOut in
                lk_embedding(table, LK_FLOAT32, rows, width, ids, ids.count, rowsOut, LK_FLOAT32)
                apart.withPointer { lk_masked_mean(rowsOut, ids, samples, tokens, width, 0, $0) }
            }
            #expect(bits(fused.values) == bits(apart.values))
        }
    }

    /// Poison around the table would show as NaN if an id outside it were read there.
    @Test(arguments: [1, 16, 50, 65]) func idsOutsideReadRowZero(width: Int) {
        let poison = [Float](repeating: .nan, count: 3 * width)
        let table = poison + (0..<rows * width).map { Float($0) } + poison
        let ids: [Int32] = [-1, -2, Int32(rows), Int32(rows + 1), .max, .min]
        withEachInstructionSet { _ in
            table.withUnsafeBufferPointer { table in
                let start = table.baseAddress! + 3 * width
                var looked = GuardedFloats(count: ids.count * width)
                looked.withPointer {
                    lk_embedding(start, LK_FLOAT32, rows, width, ids, ids.count, $0, LK_FLOAT32)
                }
                let expected = (0..<ids.count).flatMap { _ in (0..<width).map { Float($0) } }
                #expect(looked.values == expected)
                var pooled = GuardedFloats(count: width)
                pooled.withPointer { lk_embedding_mean(start, rows, width, ids, 1, ids.count, .min, $0) }
                #expect(distance(pooled.values, (0..<width).map { Float($0) }) < 1e-6)
            }
            var gradient = GuardedFloats(count: rows * width)
            let dy = [Float](repeating: 1, count: ids.count * width)
            gradient.withPointer { lk_embedding_gradient(ids, ids.count, dy, rows, width, $0) }
            #expect(gradient.isIntact)
            #expect(gradient.values.prefix(width).allSatisfy { $0 == Float(ids.count) })
            #expect(gradient.values.dropFirst(width).allSatisfy { $0 == 0 })
            gradient.withPointer { lk_embedding_mean_gradient(ids, 1, ids.count, .min, dy, rows, width, $0) }
            #expect(gradient.isIntact)
            #expect(gradient.values.dropFirst(width).allSatisfy { $0 == 0 })
        }
    }
}
