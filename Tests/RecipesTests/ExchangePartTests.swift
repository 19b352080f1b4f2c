import Diagnostics
import Recipes
import Testing

/// The group `training.exchange`.
@Suite struct ExchangePartTests {
    private func exchange(_ overrides: [String]) throws -> ExchangePart {
        try RecipeSamples.parse(RecipeSamples.table, overrides).training.exchange
    }

    @Test func whatItSays() throws {
        #expect(try exchange([]) == ExchangePart())
        let packed = try exchange([
            "training.exchange.compression=powerSGD", "training.exchange.factorRank=2",
            "training.exchange.overlap=false",
        ])
        #expect(packed == ExchangePart(overlap: false, compression: .powerSGD, factorRank: 2))
        #expect(try exchange(["training.exchange.zeroStage=2"]) == ExchangePart(zeroStage: 2))
        #expect(try exchange(["training.exchange.localSteps=7"]) == ExchangePart(localSteps: 7))
    }

    /// Each is refused with the place and what to do.
    @Test(arguments: [
        (["zeroStage=3"], "zeroStage"), (["zeroStage=1", "compression=topK"], "compression"),
        (["zeroStage=2", "localSteps=4"], "localSteps"),
        (["localSteps=4", "compression=bfloat16"], "localSteps"),
        (["compression=topK", "topFraction=1.5"], "topFraction"), (["factorRank=2"], "factorRank"),
    ])
    func whatCannotBe(_ words: [String], names name: String) throws {
        let error = #expect(throws: LockstepError.self) {
            _ = try exchange(words.map { "training.exchange.\($0)" })
        }
        #expect(error?.message.contains(name) == true && error?.remedy != nil, "\(error?.message ?? "")")
    }
}
