import CKernels
import Testing

/// Attention's kernels against their plain twins, and clones against each other.
@Suite struct AttentionKernelTests {
    struct Case: CustomStringConvertible {
        var queries: Int
        var keys: Int
        var width: Int
        var heads = 2
        var groups = 2
        var isCausal = false
        var hasPadding = false
        var type = LK_FLOAT32
        var dropout = 0.0
        let samples = 2
        var description: String {
            "\(queries)×\(keys)×\(width), heads \(heads)/\(groups), causal \(isCausal), padding \(hasPadding), "
                + "type \(type.rawValue)"
        }

        /// Result, logarithms and the three gradients one after the other.
        func run(_ forward: Kernel, _ backward: Kernel, factor: Float = 1) -> (
            values: [Float], isIntact: Bool
        ) {
            var numbers = TestNumbers(queries * 10_007 + keys * 101 + width)
            let (tokens, seen) = (samples * queries, samples * keys)
            // Keys lie in rows with something else behind.
            let (row, keyRow) = (heads * width, groups * width + 3)
            let inputs = [
                numbers.floats(tokens * row).map { $0 * factor }, numbers.floats(seen * keyRow),
                numbers.floats(seen * keyRow), numbers.floats(tokens * row),
            ].map { StoredNumbers($0, type) }
            let ids = numbers.integers(seen, below: 3)
            let results = [tokens * row, tokens * row, seen * keyRow, seen * keyRow].map {
                StoredNumbers([Float](repeating: 0, count: $0), type)
            }
            var logs = GuardedFloats(count: samples * heads * queries)
            let isLinear = lk_attention_workspace_count(queries, keys, width, 1)
            var workspace = GuardedFloats(
                count: max(isLinear, lk_attention_workspace_count(queries, keys, width, 0)))
            ids.withUnsafeBufferPointer { ids in
                logs.withPointer { logs in
                    workspace.withPointer { workspace in
                        var call = lk_attention_arguments()
                        (call.samples, call.heads, call.groups) = (samples, heads, groups)
                        (call.queries, call.keys, call.width) = (queries, keys, width)
                        call.scale = 1 / Float(width).squareRoot()
                        call.is_causal = isCausal ? 1 : 0
                        if hasPadding { call.ids = ids.baseAddress }
                        call.padding = 1
                        (call.q_row, call.k_row, call.v_row) = (row, keyRow, keyRow)
                        (call.q, call.k, call.v) = (
                            UnsafeRawPointer(inputs[0].pointer), UnsafeRawPointer(inputs[1].pointer),
                            UnsafeRawPointer(inputs[2].pointer)
                        )
                        call.d_o = UnsafeRawPointer(inputs[3].pointer)
                        (call.o, call.dq, call.dk, call.dv) = (
                            results[0].pointer, results[1].pointer, results[2].pointer, results[3].pointer
                        )
                        (call.q_type, call.k_type, call.v_type, call.o_type) = (type, type, type, type)
                        (call.d_o_type, call.dq_type, call.dk_type, call.dv_type) = (type, type, type, type)
                        (call.log_sums, call.workspace) = (logs, workspace)
                        var key = lk_dropout_arguments()
                        (key.seed, key.ordinal, key.first_sample, key.step) = (0x1234_5678_9abc, 3, 40, 7)
                        key.threshold = UInt32(dropout * 0x1p32)
                        key.scale = Float(1 / (1 - dropout))
                        withUnsafePointer(to: &key) {
                            if dropout > 0 { call.dropout = $0 }
                            forward(&call)
                            backward(&call)
                        }
                    }
                }
            }
            let isIntact = logs.isIntact && workspace.isIntact && results.allSatisfy(\.isIntact)
            return (results.flatMap(\.values) + logs.values, isIntact)
        }
    }

    typealias Kernel = (UnsafePointer<lk_attention_arguments>) -> Void

    private func check(_ product: Case) {
        let expected = product.run({ lkr_attention($0) }, { lkr_attention_gradient($0) }).values
        var first: [Float]?
        withEachInstructionSet { set in
            let (values, isIntact) = product.run({ lk_attention($0) }, { lk_attention_gradient($0) })
            #expect(isIntact, "\(product), set \(set.rawValue)")
            let tolerance: Float = product.type == LK_BFLOAT16 ? 8e-3 : 3e-6
            #expect(distance(values, expected) < tolerance, "\(product), set \(set.rawValue)")
            #if arch(x86_64)
                if set == LK_GENERIC { return }
            #endif
            #expect(bits(first ?? values) == bits(values), "\(product), set \(set.rawValue)")
            first = first ?? values
        }
    }

    @Test(arguments: [1, 7, 64, 65, 130], [1, 8, 15, 16, 33, 64, 80])
    func extents(tokens: Int, width: Int) {
        for isCausal in [false, true] {
            for hasPadding in [false, true] {
                check(
                    Case(
                        queries: tokens, keys: tokens, width: width, isCausal: isCausal,
                        hasPadding: hasPadding))
            }
        }
    }

    @Test func crossAttentionAndSharedKeys() {
        for (queries, keys) in [(1, 100), (100, 1), (33, 129), (65, 64)] {
            for groups in [1, 2, 4] {
                check(Case(queries: queries, keys: keys, width: 24, heads: 4, groups: groups))
                check(
                    Case(queries: queries, keys: keys, width: 24, heads: 4, groups: groups, hasPadding: true))
            }
        }
    }

    @Test func bfloat16Storage() {
        for width in [7, 16, 40] {
            check(
                Case(queries: 70, keys: 70, width: width, isCausal: true, hasPadding: true, type: LK_BFLOAT16)
            )
        }
    }

    @Test func dropout() {
        for (queries, keys) in [(1, 1), (70, 70), (33, 130), (65, 66)] {
            for hasPadding in [false, true] {
                check(
                    Case(
                        queries: queries, keys: keys, width: 24, heads: 4, isCausal: queries == keys,
                        hasPadding: hasPadding, dropout: 0.4))
            }
        }
    }

    /// Scores far apart: the softmax must not overflow, and the correction of earlier tiles must be right.
    @Test func largeScores() {
        let product = Case(queries: 130, keys: 130, width: 16)
        let expected = product.run({ lkr_attention($0) }, { lkr_attention_gradient($0) }, factor: 40).values
        withEachInstructionSet { set in
            let values = product.run({ lk_attention($0) }, { lk_attention_gradient($0) }, factor: 40).values
            #expect(distance(values, expected) < 2e-4, "set \(set.rawValue)")
        }
    }

    @Test func nanReachesTheRowsThatSeeIt() {
        let product = Case(queries: 70, keys: 70, width: 16, isCausal: true)
        withEachInstructionSet { set in
            let values = product.run(
                {
                    let key = UnsafeMutableRawPointer(mutating: $0.pointee.k!).assumingMemoryBound(
                        to: Float.self)
                    key[10 * $0.pointee.k_row] = .nan
                    lk_attention($0)
                }, { _ in }
            ).values
            let result = values.prefix(70 * 32)
            #expect(result.prefix(10 * 32).allSatisfy { $0.isFinite }, "set \(set.rawValue)")
            #expect((10..<70).allSatisfy { result[$0 * 32].isNaN }, "set \(set.rawValue)")
        }
    }
}
