import DataPipeline
import Diagnostics
import Recipes
import Scenarios
import Testing

/// Pairs of lines as data: one pair of files a split, tokens of both languages, frames.
@Suite("Parallel")
struct ParallelTests {
    static let recipe = """
        task: translation
        data:
          format: parallel
          paths: [train.en, train.de]
          validationPaths: [val.en, val.de]
          vocabularySize: 300
          maximumLength: 10
          cacheFolder: cache
        model: {kind: translation, layers: 1, width: 8, heads: 2, hidden: 8}
        training: {epochs: 1}
        """

    private func folder() throws -> Folder {
        let folder = try Folder()
        let english = (0..<20).map { _ in "a dog\n" }.joined()
        try folder.write(english + "a very very long line of many words that nobody needs\n", to: "train.en")
        try folder.write((0..<21).map { _ in "ein Hund\n" }.joined(), to: "train.de")
        try folder.write("a dog a dog\nthe dog\n", to: "val.en")
        try folder.write("ein Hund ein Hund\nder Hund\n", to: "val.de")
        return folder
    }

    @Test func pairsAreFramedAndLongOnesLeftOut() throws {
        let folder = try folder()
        let data = try RecipeData(try folder.recipe(Self.recipe))
        #expect(
            data.split.train == Array(0..<21) && data.split.validation == [21, 22] && data.split.test == [])
        let train = try data.dataset(.train, for: .training(seed: 0))
        #expect(train.count == 20, "one is too long")
        #expect(data.leftOutWarning(.train, sampleCount: train.count)?.contains("longer than 10") ?? false)
        guard case .parallel(let fitted) = data.fitted else { return #expect(Bool(false)) }
        let (source, target) = (fitted.tokenizer.encode("a dog"), fitted.tokenizer.encode("ein Hund"))
        func filled(_ tokens: [Int32], _ filler: Int32) -> [Int32] {
            tokens + Array(repeating: filler, count: 10 - tokens.count)
        }
        #expect(try train.integers(3, field: 0) == filled(source + [2], 0))
        #expect(try train.integers(3, field: 1) == filled([1] + target, 0))
        #expect(try train.integers(3, field: 2) == filled(target + [2], -100))
        #expect(try data.dataset(.validation).count == 2)
        let rows = try #require(data.source as? ParallelRows)
        #expect(rows.lines(ofRow: 22) == ("the dog", "der Hund"))
        _ = try Scenario(try folder.recipe(Self.recipe), fitted: data.fitted)
        #expect(try FittedData(decoding: data.fitted.encoded()) == data.fitted)
    }

    @Test func filesOfDifferentNumbersOfLines() throws {
        let folder = try folder()
        try folder.write("ein Hund\n", to: "val.de")
        let error = #expect(throws: LockstepError.self) {
            try RecipeData(try folder.recipe(Self.recipe))
        }
        #expect(error?.code == .badData && error?.location?.line == 2)
        #expect(error?.message.contains("val.de has 1 lines for 2") ?? false)
    }
}
