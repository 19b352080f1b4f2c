import Diagnostics
import Graphs
import Testing

/// Learned, sinusoidal and rotary positions: gradients against central differences, values by their formulas.
@Suite struct PositionGradientTests {
    @Test func learnedAndSinusoidal() throws {
        let check = GradientCheck()
        let (x, table) = (try check.parameter([2, 3, 4]), try check.parameter([5, 4]))
        let result = try x.addingPositions(table).addingSinusoids()
        try check.verify(check.weighted(result * result))
    }

    @Test(arguments: [(1, 2), (2, 4), (3, 2)]) func rotary(sizes: (heads: Int, width: Int)) throws {
        let check = GradientCheck()
        let x = try check.parameter([2, 3, 7 + sizes.heads * sizes.width])
        let result = try x.rotated(heads: sizes.heads, width: sizes.width, base: 100)
        try check.verify(check.weighted(result * result))
    }

    /// Token 0 does not turn; lengths stay; a product of two tokens depends on their distance alone.
    @Test func rotationsKeepLengthsAndDistances() throws {
        let check = GradientCheck()
        let row = [0.3, -1.2, 0.7, 0.5]
        let x = try check.parameter([1, 6, 4])
        let values = [ReferenceArray([1, 6, 4], (0..<6).flatMap { _ in row })]
        let turned = check.graph.evaluate(
            [try x.rotated(heads: 1, width: 4)], inputs: [:], parameters: values)[0].values
        func product(_ a: Int, _ b: Int) -> Double {
            (0..<4).reduce(0) { $0 + turned[a * 4 + $1] * turned[b * 4 + $1] }
        }
        #expect(Array(turned[0..<4]) == row && turned[4] != row[0])
        for token in 1..<5 {
            #expect(abs(product(token, token) - product(0, 0)) < 1e-12)
            #expect(abs(product(token, token + 1) - product(0, 1)) < 1e-12)
        }
        #expect(abs(product(0, 1) - product(0, 3)) > 1e-3)
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let check = GradientCheck()
        let (x, table) = (try check.parameter([2, 6, 4]), try check.parameter([5, 4]))
        let narrow = try check.parameter([5, 3])
        func refuse(_ mentions: String..., body: () throws -> Tensor) {
            let error = #expect(throws: LockstepError.self) { _ = try body() }
            for text in mentions { #expect(error?.message.contains(text) == true, "\(error as Any)") }
        }
        refuse("6 tokens", "context of 5") { try x.addingPositions(table) }
        refuse("[5, 3]", "[2, 6, 4]") { try x.addingPositions(narrow) }
        refuse("[5, 4]") { try table.addingSinusoids() }
        refuse("3 heads of 2", "[2, 6, 4]") { try x.rotated(heads: 3, width: 2) }
        refuse("a head has 1") { try x.rotated(heads: 2, width: 1) }
        refuse("base") { try x.rotated(heads: 1, width: 4, base: 0) }
    }
}
