import CKernels
import Testing

/// Attention over a cache: the kernel against its plain twin, clones against each other.
@Suite struct CachedAttentionKernelTests {
    /// Results, then the cache as it is afterwards.
    private func run(
        tokens: Int, width: Int, groups: Int, starts: [Int32], capacity: Int,
        _ kernel: (UnsafePointer<lk_cached_attention_arguments>) -> Void
    ) -> (values: [Float], isIntact: Bool) {
        var numbers = TestNumbers(tokens * 1009 + width * 31 + groups)
        let (heads, samples) = (4, starts.count)
        let (row, keyRow) = (heads * width + 2, groups * width + 3)
        var q = GuardedFloats(numbers.floats(samples * tokens * row))
        var k = GuardedFloats(numbers.floats(samples * tokens * keyRow))
        var v = GuardedFloats(numbers.floats(samples * tokens * keyRow))
        var cache = GuardedFloats(numbers.floats(samples * capacity * 2 * groups * width))
        var result = GuardedFloats(count: samples * tokens * heads * width)
        var workspace = GuardedFloats(count: capacity)
        let positions = starts.flatMap { start in (0..<Int32(tokens)).map { start + $0 } }
        positions.withUnsafeBufferPointer { positions in
            q.withPointer { q in
                k.withPointer { k in
                    v.withPointer { v in
                        cache.withPointer { cache in
                            result.withPointer { result in
                                workspace.withPointer { workspace in
                                    var call = lk_cached_attention_arguments()
                                    (call.samples, call.tokens, call.capacity) = (samples, tokens, capacity)
                                    (call.heads, call.groups, call.width) = (heads, groups, width)
                                    call.scale = 1 / Float(width).squareRoot()
                                    call.positions = positions.baseAddress
                                    (call.q, call.k, call.v) = (.init(q), .init(k), .init(v))
                                    (call.q_row, call.k_row, call.v_row) = (row, keyRow, keyRow)
                                    (call.cache, call.o, call.workspace) = (cache, result, workspace)
                                    kernel(&call)
                                }
                            }
                        }
                    }
                }
            }
        }
        let isIntact = [q, k, v, cache, result, workspace].allSatisfy(\.isIntact)
        return (result.values + cache.values, isIntact)
    }

    @Test(arguments: [1, 3], [1, 7, 16, 24, 32, 80]) func extents(tokens: Int, width: Int) {
        for groups in [1, 2, 4] {
            // The last sample has no room for its last token.
            let (capacity, starts) = (37, [0, 15, 34, Int32(38 - tokens)])
            func result(_ kernel: (UnsafePointer<lk_cached_attention_arguments>) -> Void) -> (
                values: [Float], isIntact: Bool
            ) {
                run(
                    tokens: tokens, width: width, groups: groups, starts: starts, capacity: capacity, kernel)
            }
            let expected = result { lkr_cached_attention($0) }.values
            var first: [Float]?
            withEachInstructionSet { set in
                let (values, isIntact) = result { lk_cached_attention($0) }
                #expect(isIntact, "\(tokens)×\(width), groups \(groups), set \(set.rawValue)")
                #expect(distance(values, expected) < 3e-6, "\(tokens)×\(width), groups \(groups)")
                #if arch(x86_64)
                    if set == LK_GENERIC { return }
                #endif
                #expect(bits(first ?? values) == bits(values), "\(tokens)×\(width), set \(set.rawValue)")
                first = first ?? values
            }
        }
    }
}
