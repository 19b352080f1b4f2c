import DataPipeline
import Diagnostics
import Recipes
import Scenarios
import Testing

/// A running text as data: parts, tokenizers, windows.
@Suite("Tokens")
struct TokensTests {
    static let recipe = """
        task: languageModel
        data:
          format: tokens
          path: text.txt
          context: 4
          cacheFolder: cache
          split: {train: 0.5, validation: 0.25, test: 0.25}
        model: {kind: gpt, layers: 1, width: 8, heads: 2}
        training: {maxSteps: 1}
        """

    private func folder(_ text: String = "abcdefghijklmnopqrstuvwxyz0123456789####") throws -> Folder {
        let folder = try Folder()
        try folder.write(text, to: "text.txt")
        return folder
    }

    @Test func partsAreConsecutive() throws {
        let folder = try folder()
        let data = try RecipeData(try folder.recipe(Self.recipe))
        guard case .tokens(let fitted) = data.fitted else { return #expect(Bool(false)) }
        func text(_ dataset: any Dataset, _ sample: Int, _ field: Int) throws -> String {
            fitted.tokenizer.tokenizer.decode(try dataset.integers(sample, field: field))
        }
        // Training windows begin at every character; others follow one another to the last character.
        let train = try data.dataset(.train, for: .training(seed: 1))
        #expect(train.count == 16)
        #expect(try text(train, 0, 0) == "abcd" && text(train, 0, 1) == "bcde")
        #expect(try text(train, 15, 0) == "pqrs" && text(train, 15, 1) == "qrst")
        let validation = try data.dataset(.validation)
        #expect(validation.count == 3)
        #expect(try text(validation, 0, 0) == "uvwx" && text(validation, 1, 1) == "z012")
        #expect(try validation.integers(2, field: 1).suffix(3) == [-100, -100, -100])
        let test = try data.dataset(.test)
        #expect(try text(test, 0, 0) == "4567" && test.count == 3)
        #expect(data.fitted.format.tokens == TokenInput(identifierCount: 37, paddingID: nil, length: 4))
        _ = try Scenario(try folder.recipe(Self.recipe), fitted: data.fitted)
        #expect(try FittedData(decoding: data.fitted.encoded()) == data.fitted)
    }

    @Test func aTestOfItsOwn() throws {
        let folder = try folder()
        try folder.write("zyxwvu", to: "test.txt")
        let words = ["data.split={kind: files, validation: 0.25}", "data.testPath=test.txt"]
        let data = try RecipeData(try folder.recipe(Self.recipe, words))
        #expect(try data.dataset(.train, for: .training(seed: 1)).count == 26)
        #expect(try data.dataset(.validation).count == 3)
        #expect(try data.dataset(.test).count == 2)
    }

    @Test func bytePairsAreTrainedOnTheTrainingPart() throws {
        let half = String(repeating: "the cat sat. ", count: 20)
        let folder = try folder(half + String(repeating: "xyxyxyxyxyxyx", count: 20))
        let words = [
            "data.tokenizer=bpe", "data.vocabularySize=270", "data.split={train: 0.5, test: 0.5}",
        ]
        let data = try RecipeData(try folder.recipe(Self.recipe, words))
        guard case .tokens(let fitted) = data.fitted else { return #expect(Bool(false)) }
        #expect(try fitted.tokenizer.tokenizer.encode("xyxy").count == 4, "no merges of the test part")
        #expect(try fitted.tokenizer.tokenizer.encode("the cat").count < 4)
        #expect(try FittedData(decoding: data.fitted.encoded()) == data.fitted)
        // Read again from a file of GPT-2's kind.
        let json = folder.path + "/tokenizer.json"
        guard case .bytePair(let tokenizer) = fitted.tokenizer else { return #expect(Bool(false)) }
        try tokenizer.write(tokenizerJSON: json)
        let again = try RecipeData(
            try folder.recipe(Self.recipe, ["data.tokenizer=bpe", "data.tokenizerPath=\(json)"]))
        #expect(again.fitted.format.tokens?.identifierCount == tokenizer.identifierCount)
    }

    @Test func textsThatAreTooShort() throws {
        let folder = try folder("abcd")
        let data = try RecipeData(try folder.recipe(Self.recipe))
        #expect(throws: LockstepError.self) { try data.dataset(.train, for: .training(seed: 1)) }
    }
}
