import Diagnostics
import Recipes
import Testing

/// The keys of language models and translations.
@Suite("Language recipes")
struct LanguageRecipeTests {
    static let tokens = """
        task: languageModel
        data:
          format: tokens
          path: text.txt
          context: 64
          split: {train: 0.9, validation: 0.1}
        model: {kind: gpt, layers: 2, width: 32, heads: 4, dropout: 0.1}
        training:
          maxSteps: 10
          optimizer: {kind: adamW, weightDecay: 0.1}
          undecayed: ["*bias"]
        """

    static let parallel = """
        task: translation
        data:
          format: parallel
          paths: [train.en, train.de]
          validationPaths: [val.en, val.de]
        model: {kind: translation, norms: after}
        training:
          epochs: 3
          labelSmoothing: 0.1
          schedule: {kind: inverseSquareRoot, warmupSteps: 400}
        """

    @Test func keysAreReadAndWrittenBack() throws {
        let tokens = try RecipeSamples.parse(Self.tokens)
        let part = TokensPart(context: 64)
        #expect(tokens.data.content == .tokens(part))
        #expect(tokens.model == .gpt(GPTPart(layers: 2, width: 32, heads: 4, dropout: 0.1)))
        #expect(tokens.training.undecayed == ["*bias"] && tokens.data.hasValidation && !tokens.data.hasTest)
        #expect(try Recipe(effectiveKeys: tokens.effectiveKeys).effectiveKeys == tokens.effectiveKeys)
        let pairs = try RecipeSamples.parse(
            Self.tokens, ["data.tokenizer=bpe", "data.tokenizerPath=/a/tokenizer.json"])
        #expect(pairs.effectiveKeys["data.tokenizerPath"] == "/a/tokenizer.json")
        #expect(try Recipe(effectiveKeys: pairs.effectiveKeys).effectiveKeys == pairs.effectiveKeys)
        let parallel = try RecipeSamples.parse(Self.parallel)
        #expect(parallel.data.paths == ["/recipes/train.en", "/recipes/train.de"])
        #expect(parallel.data.hasValidation && !parallel.data.hasTest)
        #expect(parallel.coordinator.evaluationSplit == .validation)
        #expect(parallel.effectiveKeys["data.validationPaths"] == "[/recipes/val.en, /recipes/val.de]")
        #expect(parallel.effectiveKeys["data.split.kind"] == nil)
        #expect(parallel.training.schedule.kind == .inverseSquareRoot)
        #expect(try Recipe(effectiveKeys: parallel.effectiveKeys).effectiveKeys == parallel.effectiveKeys)
    }

    @Test func teachers() throws {
        let words = ["task=classification", "training.teacher={run: runs/big, weight: 0.7, temperature: 2}"]
        let recipe = try RecipeSamples.parse(RecipeSamples.text, words)
        #expect(recipe.training.teacher == TeacherPart(path: "/here/runs/big", weight: 0.7, temperature: 2))
        #expect(try Recipe(effectiveKeys: recipe.effectiveKeys).effectiveKeys == recipe.effectiveKeys)
        let both = try #require(
            RecipeSamples.error(RecipeSamples.text, words + ["training.labelSmoothing=0.1"]))
        #expect(both.message.contains("labelSmoothing"))
        let binary = try #require(
            RecipeSamples.error(RecipeSamples.text, words + ["task=binaryClassification"]))
        #expect(binary.message.contains("teacher"))
    }

    @Test func adapters() throws {
        let words = [
            "model.from=runs/base", "model.adapters={rank: 4, alpha: 8, dropout: 0.1, on: [query, '*value']}",
        ]
        let recipe = try RecipeSamples.parse(RecipeSamples.text, words)
        #expect(
            recipe.start
                == StartPart(
                    path: "/here/runs/base",
                    adapters: AdaptersPart(rank: 4, alpha: 8, dropout: 0.1, on: ["query", "*value"])))
        #expect(try Recipe(effectiveKeys: recipe.effectiveKeys).effectiveKeys == recipe.effectiveKeys)
        let wider = try RecipeSamples.parse(RecipeSamples.text, words + ["model.adapters.rank=8"])
        let change = #expect(throws: LockstepError.self) {
            try RecipeDifference.check(saved: recipe.effectiveKeys, new: wider.effectiveKeys)
        }
        #expect(change?.message.contains("model.adapters.rank was 4, is 8") == true)
        let small = try RecipeSamples.parse(
            RecipeSamples.text, ["model.from=a", "model.adapters={on: query}"])
        #expect(small.start?.adapters == AdaptersPart(rank: 8, alpha: 16, dropout: 0, on: ["query"]))
        for (wrong, mention) in [
            ("{}", "on"), ("{on: []}", "names no layer"), ("{on: ['']}", "empty name"),
            ("{on: a, rank: 0}", "rank"), ("{on: a, alpha: 0}", "alpha"), ("{on: a, dropout: 1}", "dropout"),
            ("{on: a, targets: b}", "unknown key"),
        ] {
            let error = try #require(
                RecipeSamples.error(RecipeSamples.text, ["model.from=a", "model.adapters=\(wrong)"]))
            #expect(error.message.contains(mention) && !(error.remedy ?? "").isEmpty, "\(error)")
        }
        let alone = try #require(RecipeSamples.error(RecipeSamples.text, ["model.adapters={on: a}"]))
        #expect(alone.message.contains("needs model.from"))
    }

    @Test func hiddenTokensArePooledByNobody() throws {
        let words = ["task=maskedLanguage", "model={kind: transformer}"]
        let recipe = try RecipeSamples.parse(RecipeSamples.text, words)
        #expect(try Recipe(effectiveKeys: recipe.effectiveKeys).effectiveKeys == recipe.effectiveKeys)
        let text = RecipeSamples.text.replacing(
            "  kind: pooledText", with: "  kind: transformer\n  pooling: mean")
        let error = try #require(RecipeSamples.error(text, ["task=maskedLanguage"]))
        #expect(error.message.contains("model.pooling") && !(error.remedy ?? "").isEmpty)
        #expect(error.location?.description == "/recipes/sample.yaml:10:12", "\(error)")
    }

    @Test func whatDoesNotFitIsRefused() throws {
        func refuse(_ text: String, _ words: [String], _ mention: String) throws {
            let error = try #require(RecipeSamples.error(text, words))
            #expect(error.code == .usage && !(error.remedy ?? "").isEmpty, "\(error)")
            #expect((error.message + (error.remedy ?? "")).contains(mention), "\(error)")
        }
        try refuse(Self.tokens, ["model.heads=5"], "does not divide the width of 32")
        try refuse(Self.tokens, ["data.split={train: 0.9, validation: 0.1, seed: 3}"], "consecutive parts")
        try refuse(Self.tokens, ["data.split=null", "data.fold=1/3"], "consecutive parts")
        try refuse(Self.tokens, ["data.vocabularySize=500"], "vocabularySize")
        try refuse(Self.tokens, ["task=classification"], "is for task: languageModel")
        try refuse(Self.tokens, ["training.optimizer.weightDecay=0"], "of no effect")
        try refuse(Self.tokens, ["coordinator.earlyStopping={metric: macroF1}"], "macroF1")
        try refuse(Self.parallel, ["data.split={train: 0.9, validation: 0.1}"], "split")
        try refuse(Self.parallel, ["data.paths=[a, b, c]"], "two files")
        try refuse(Self.parallel, ["data.testPaths=[a]"], "not two")
        try refuse(Self.parallel, ["data.maximumLength=1"], "maximumLength")
        try refuse(Self.parallel, ["model={kind: gpt}"], "translation")
        try refuse(Self.parallel, ["training.schedule.warmupSteps=0"], "is needed")
    }

    @Test func lengthBuckets() throws {
        func buckets(_ text: String, _ words: [String]) throws -> LengthBucketsPart? {
            let recipe = try RecipeSamples.parse(text, words)
            #expect(try Recipe(effectiveKeys: recipe.effectiveKeys).effectiveKeys == recipe.effectiveKeys)
            return recipe.data.content.lengthBuckets
        }
        #expect(try buckets(Self.parallel, []) == nil)
        #expect(try buckets(Self.parallel, ["data.lengthBuckets=auto"]) == .automatic)
        #expect(try buckets(Self.parallel, ["data.lengthBuckets=[16, 64]"]) == .limits([16, 64]))
        #expect(
            try buckets(RecipeSamples.lines, ["data.lengthBuckets=[16, 24]"]) == .limits([16, 24, 256]),
            "the longest text is not cut shorter")
        #expect(try buckets(RecipeSamples.text, ["data.lengthBuckets=32"]) == .limits([32, 256]))
        let keys = try RecipeSamples.parse(Self.parallel, ["data.lengthBuckets=[16, 24]"]).effectiveKeys
        #expect(keys["data.lengthBuckets"] == "[16, 24, 64]")
        #expect(try RecipeSamples.parse(Self.parallel).effectiveKeys["data.lengthBuckets"] == "null")
        for (text, words, mention) in [
            (Self.parallel, ["data.lengthBuckets=[24, 16]"], "must rise"),
            (Self.parallel, ["data.lengthBuckets=[]"], "names no length"),
            (Self.parallel, ["data.lengthBuckets=[16, 65]"], "from 1 to 64"),
            (Self.parallel, ["data.lengthBuckets=many"], "auto"),
            (RecipeSamples.lines, ["data.lengthBuckets=auto", "data.pad=left"], "data.pad: right"),
            (RecipeSamples.lines, ["data.lengthBuckets=auto", "model={kind: textCNN}"], "textCNN"),
            (Self.tokens, ["data.lengthBuckets=auto"], "unknown key"),
        ] {
            let error = try #require(RecipeSamples.error(text, words))
            #expect(error.code == .usage && error.location?.file != nil, "\(error)")
            #expect((error.message + (error.remedy ?? "")).contains(mention), "\(error)")
        }
    }
}
