import Diagnostics
import Foundation
import Recipes
import Scenarios
import Testing

/// Lines of text files, a file a class: no CSV anywhere.
@Suite("Lines")
struct LinesTests {
    static let recipe = """
        task: binaryClassification
        data:
          format: lines
          paths: [bad.txt, good.txt]
          minimumCount: 1
          maximumLength: 3
          split: {kind: everyNth, every: 4, validation: 0.25, stratify: true}
        model: {kind: pooledText, embedding: 4, hidden: [3]}
        training: {epochs: 1}
        """

    private func folder() throws -> Folder {
        let folder = try Folder()
        try folder.write((0..<10).map { "bad line \($0)\n" }.joined(), to: "bad.txt")
        try folder.write((0..<6).map { "good line \($0)\r\n" }.joined(), to: "good.txt")
        return folder
    }

    @Test func everyNthLineOfEachFileTests() throws {
        let folder = try folder()
        let data = try RecipeData(try folder.recipe(Self.recipe))
        #expect(data.source.rowCount == 16)
        #expect(data.split.test == [0, 4, 8, 10, 14])
        #expect(data.split.validation.count == 3)
        #expect(data.split.validation.filter { $0 < 10 }.count == 2, "each class by itself")
        #expect(Set(data.split.train + data.split.validation + data.split.test).count == 16)
        #expect(data.fitted.classNames == ["bad", "good"])
        #expect(try data.source.counts() == [10, 6])
    }

    @Test func linesBecomeTokensAndTheFileIsTheLabel() throws {
        let folder = try folder()
        let data = try RecipeData(try folder.recipe(Self.recipe))
        let test = try data.dataset(.test)
        #expect(test.count == 5)
        #expect(try (0..<5).map { try test.integers($0, field: 1) } == [[0], [0], [0], [1], [1]])
        let tokens = try #require(data.fitted.format.tokens)
        #expect(tokens.length == 3 && tokens.paddingID == 0)
        #expect(
            try test.integers(0, field: 0).allSatisfy { (1..<Int32(tokens.identifierCount)).contains($0) })
        #expect(test.describe(sample: 3) == "\(folder.path)/good.txt:1")
        _ = try Scenario(try folder.recipe(Self.recipe), fitted: data.fitted)
    }

    @Test func foldsCoverEveryLineOnce() throws {
        let folder = try folder()
        for split in ["{stratify: true}", "{stratify: false}"] {
            let words = ["data.split=\(split)", "data.validationFraction=0.25"]
            let tested = try (1...4).flatMap {
                try RecipeData(try folder.recipe(Self.recipe, words + ["data.fold=\($0)/4"])).split.test
            }
            #expect(tested.sorted() == Array(0..<16))
        }
    }

    /// Where a recipe says which rows test, folds leave them alone.
    @Test func foldsKeepOffTheTestRows() throws {
        let folder = try folder()
        let folds = try (1...3).map {
            let words = ["data.fold=\($0)/3", "data.validationFraction=0.3"]
            return try RecipeData(try folder.recipe(Self.recipe, words)).split
        }
        let tests: Set<Int> = [0, 4, 8, 10, 14]
        #expect(folds.flatMap(\.test).sorted() == (0..<16).filter { !tests.contains($0) })
        for fold in folds {
            #expect(tests.isDisjoint(with: fold.train + fold.validation))
            #expect(fold.train.count + fold.validation.count + fold.test.count == 11)
            #expect(!fold.validation.isEmpty)
        }
    }

    @Test func aChangedLineChangesTheFingerprint() throws {
        let folder = try folder()
        let before = try RecipeData(try folder.recipe(Self.recipe)).source.fingerprint
        try folder.write((0..<6).map { "good line \($0 + 1)\r\n" }.joined(), to: "good.txt")
        #expect(try RecipeData(try folder.recipe(Self.recipe)).source.fingerprint != before)
    }

    @Test func fittedLinesComeBackFromTheCheckpoint() throws {
        let folder = try folder()
        let fitted = try RecipeData(try folder.recipe(Self.recipe)).fitted
        #expect(try FittedData(decoding: try fitted.encoded()) == fitted)
    }

    @Test func otherEncodingsAreAnErrorOrRead() throws {
        let folder = try folder()
        let latin = "caf\u{E9} caf\u{E9}\n".unicodeScalars.map { UInt8($0.value) }
        try folder.write(Array("plain\n".utf8) + latin + latin + latin, to: "good.txt")
        let error = #expect(throws: LockstepError.self) {
            try RecipeData(try folder.recipe(Self.recipe))
        }
        #expect(error?.code == .badData)
        #expect(error?.location?.description == "\(folder.path)/good.txt:2")
        #expect(error?.remedy?.contains("data.encoding: latin1") == true)
        let data = try RecipeData(try folder.recipe(Self.recipe, ["data.encoding=latin1"]))
        guard case .lines(let fitted) = data.fitted, case .words(let words) = fitted.tokenizer else {
            return #expect(Bool(false))
        }
        #expect(words.words.contains("caf\u{E9}"))
    }

    @Test func linesInAnotherEncodingAreLeftOutAndCounted() throws {
        let folder = try folder()
        let latin = "caf\u{E9} number 1\n".unicodeScalars.map { UInt8($0.value) }
        try folder.write(Array("good one\n".utf8) + latin + latin + Array("good two\n".utf8), to: "good.txt")
        let data = try RecipeData(
            try folder.recipe(Self.recipe, ["data.onBadSample=skip", "data.split={train: 0.8, test: 0.2}"]))
        #expect(data.source.rowCount == 12 && data.source.fileRows == [0..<10, 10..<12])
        let file = folder.path + "/good.txt"
        #expect(
            data.source.warnings == [
                "2 of 14 lines are not UTF-8 and are left out (data.onBadSample): \(file):2, \(file):3"
            ])
        let all = try data.fitted.samples(data.source, for: .evaluation).dataset
        #expect(all.describe(sample: 11) == "\(file):4")
    }

    @Test(arguments: ["words", "bpe", "wordPiece"])
    func everyTokenizerIsLearnedAndKept(_ kind: String) throws {
        let folder = try folder()
        let words = ["data.tokenizer=\(kind)", "data.vocabularySize=300", "data.maximumLength=12"]
        let data = try RecipeData(try folder.recipe(Self.recipe, words))
        let again = try FittedData(decoding: try data.fitted.encoded())
        #expect(again == data.fitted)
        let one = try data.fitted.format.samples(texts: ["BAD line 7", "bad  Line 7", "good line"]).dataset
        let other = try again.format.samples(texts: ["bad line 7"]).dataset
        #expect(try one.integers(0, field: 0) == other.integers(0, field: 0), "in lower case")
        #expect(try one.integers(0, field: 0) != one.integers(2, field: 0))
        let tokens = try #require(data.fitted.format.tokens)
        #expect(try one.integers(0, field: 0).allSatisfy { (0..<Int32(tokens.identifierCount)).contains($0) })
        #expect(try one.integers(0, field: 0)[0] == (kind == "words" ? one.integers(1, field: 0)[0] : 2))
        #expect(try one.integers(0, field: 0).last == 0, "filled up")
    }

    @Test(arguments: ["words", "bpe"])
    func tokensAreHiddenInTrainingAlone(_ kind: String) throws {
        let folder = try folder()
        let words = [
            "data.tokenizer=\(kind)", "data.vocabularySize=300", "data.maximumLength=20",
            "data.tokenDropout=0.4",
        ]
        let data = try RecipeData(try folder.recipe(Self.recipe, words))
        let plain = try data.dataset(.train)
        let training = try data.dataset(.train, for: .training(seed: 5))
        let other = try data.dataset(.train, for: .training(seed: 6))
        let hidden = Int32(kind == "words" ? 1 : 4)
        var (hiddenCount, count, changes, differs) = (0, 0, 0, 0)
        for sample in 0..<plain.count {
            let tokens = try plain.integers(sample, field: 0)
            let seen = try training.integers(sample, field: 0, epoch: 2)
            #expect(try seen == training.integers(sample, field: 0, epoch: 2))
            #expect(try training.integers(sample, field: 1) == plain.integers(sample, field: 1))
            for (before, after) in zip(tokens, seen) where before > hidden {
                count += 1
                if after == hidden { hiddenCount += 1 } else { #expect(after == before) }
            }
            for (before, after) in zip(tokens, seen) where before < hidden { #expect(after == before) }
            changes += try seen == training.integers(sample, field: 0, epoch: 3) ? 0 : 1
            differs += try seen == other.integers(sample, field: 0, epoch: 2) ? 0 : 1
        }
        #expect(abs(Double(hiddenCount) / Double(count) - 0.4) < 0.25, "\(hiddenCount) of \(count)")
        #expect(changes > 0 && differs > 0)
    }

    /// Texts that do not fit memory are tokenized once, into a file: the same samples, hidden tokens included.
    @Test(arguments: ["words", "wordPiece"])
    func tokensThatDoNotFitMemoryAreKeptInAFile(_ kind: String) throws {
        let folder = try folder()
        let words = ["data.tokenizer=\(kind)", "data.vocabularySize=300", "data.maximumLength=20"]
        let kept = ["data.residentLimitBytes=0", "data.cacheFolder=cache"]
        for more in [[], ["data.tokenDropout=0.4"], ["task=maskedLanguage", "model={kind: transformer}"]] {
            let plain = try RecipeData(try folder.recipe(Self.recipe, words + more))
            let filed = try RecipeData(try folder.recipe(Self.recipe, words + more + kept))
            for (split, purpose) in [
                (CoordinatorPart.Split.train, SamplePurpose.training(seed: 3)), (.test, .evaluation),
            ] {
                let expected = try plain.dataset(split, for: purpose)
                let found = try filed.dataset(split, for: purpose)
                #expect(!found.isResident && found.count == expected.count)
                for sample in 0..<found.count {
                    for field in found.fields.indices {
                        #expect(
                            try found.integers(sample, field: field, epoch: 2)
                                == expected.integers(sample, field: field, epoch: 2))
                    }
                    #expect(try found.text(sample: sample) == expected.text(sample: sample))
                }
            }
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/cache")
        #expect(files.filter { $0.hasSuffix(".cache") }.count == 2, "one a split: \(files)")
    }

    @Test func namesThatWouldSwapClassesAreRefused() throws {
        let folder = try folder()
        for names in ["[good, bad]", "[bad, fine]", "[a, b, c]"] {
            let recipe = try? folder.recipe(Self.recipe, ["data.classNames=\(names)"])
            guard let recipe else { continue }
            #expect(throws: LockstepError.self, "\(names)") { try RecipeData(recipe) }
        }
        let named = try RecipeData(try folder.recipe(Self.recipe, ["data.classNames=[no, yes]"]))
        #expect(named.fitted.classNames == ["no", "yes"])
    }
}

extension RowSource {
    /// The counts of the two classes.
    func counts() throws -> [Int] {
        let classes = try classes()
        return (0..<2).map { number in classes.count { $0 == Int32(number) } }
    }
}
