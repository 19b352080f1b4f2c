import Diagnostics
import Graphs
import Testing

/// Attention's gradient rule against central differences, in every form and with every mask.
@Suite struct AttentionGradientTests {
    @Test(arguments: [(1, 1, 2), (2, 2, 3), (4, 2, 1), (3, 1, 2)], [false, true])
    func packed(sizes: (heads: Int, groups: Int, width: Int), isCausal: Bool) throws {
        let check = GradientCheck(seed: sizes.heads)
        let qkv = try check.parameter([2, 4, (sizes.heads + 2 * sizes.groups) * sizes.width])
        let result = try qkv.attention(.packed, heads: sizes.heads, groups: sizes.groups, isCausal: isCausal)
        #expect(result.shape == [2, 4, sizes.heads * sizes.width])
        try check.verify(check.weighted(result))
    }

    @Test func crossAttentionWithPadding() throws {
        for form in [AttentionForm.packedKeysAndValues, .separate] {
            let check = GradientCheck()
            let query = try check.parameter([2, 3, 4])
            let others =
                form.operandCount == 2
                ? [try check.parameter([2, 5, 8])]
                : [try check.parameter([2, 5, 4]), try check.parameter([2, 5, 4])]
            let ids = check.ids([2, 5], [3, 0, 4, 1, 0, 0, 0, 0, 7, 0])
            let result = try query.attention(
                form, others, heads: 2, mask: TokenMask(ids: ids.node, paddingID: 0))
            try check.verify(check.weighted(result * result))
        }
    }

    @Test(arguments: [0.2, 0.6]) func dropout(rate: Double) throws {
        let check = GradientCheck()
        let qkv = try check.parameter([2, 5, 12])
        let ids = check.ids([2, 5], [1, 2, 9, 1, 1, 9, 1, 2, 3, 4])
        let mask = TokenMask(ids: ids.node, paddingID: 9)
        let dropped = try qkv.attention(.packed, heads: 2, isCausal: true, mask: mask, dropout: rate)
        // Another ordinal, so another mask: the difference is not zero.
        let again = try qkv.attention(.packed, heads: 2, isCausal: true, mask: mask, dropout: rate)
        let values = check.graph.evaluate(
            [dropped, again], inputs: check.inputs, parameters: check.values, context: check.context)
        #expect(values[0].values != values[1].values)
        try check.verify(check.weighted(dropped * again))
    }

    /// The first sample starts with padding, so that its first causal row sees nothing; the second is padding alone.
    @Test func rowsThatSeeNothingAreZero() throws {
        let check = GradientCheck()
        let qkv = try check.parameter([2, 3, 6])
        let ids = check.ids([2, 3], [9, 1, 2, 9, 9, 9])
        let result = try qkv.attention(
            .packed, heads: 2, isCausal: true, mask: TokenMask(ids: ids.node, paddingID: 9))
        let values = check.graph.evaluate([result], inputs: check.inputs, parameters: check.values)[0].values
        #expect(values[0..<2].allSatisfy { $0 == 0 } && values[6...].allSatisfy { $0 == 0 })
        #expect(values[2..<6].allSatisfy { $0 != 0 })
        try check.verify(check.weighted(result))
    }

    @Test func operandsThatDoNotFitAreRefused() throws {
        let check = GradientCheck()
        let x = try check.parameter([2, 3, 8])
        let y = try check.parameter([2, 4, 8])
        let other = try check.parameter([1, 4, 8])
        let ids = check.ids([2, 3], [1, 1, 1, 1, 1, 1])
        func refuse(_ mentions: String..., body: () throws -> Tensor) {
            let error = #expect(throws: LockstepError.self) { _ = try body() }
            for text in mentions { #expect(error?.message.contains(text) == true, "\(error as Any)") }
        }
        refuse("[2, 3, 8]", "2 heads") { try x.attention(.packed, heads: 2) }
        refuse("[2, 3, 8]", "3 heads") { try x.attention(.separate, [x, x], heads: 3) }
        refuse("0 heads") { try x.attention(.packed, heads: 0) }
        refuse("4 heads", "3 heads") { try x.attention(.packed, heads: 4, groups: 3) }
        refuse("3 queries", "4 keys") { try x.attention(.separate, [y, y], heads: 2, isCausal: true) }
        refuse("[2, 3, 8]", "[1, 4, 8]") { try x.attention(.separate, [other, other], heads: 2) }
        refuse("[2, 4, 8]", "[2, 3, 8]") { try x.attention(.separate, [y, x], heads: 2) }
        refuse("int32 [2, 3]", "int32 [2, 4]") {
            try x.attention(.separate, [y, y], heads: 2, mask: TokenMask(ids: ids.node, paddingID: 0))
        }
        refuse("int32 [2, 3]") { try ids.attention(.packed, heads: 1) }
    }
}
