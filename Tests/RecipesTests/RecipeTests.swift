import Diagnostics
import Foundation
import Recipes
import Testing

@Suite("Recipe")
struct RecipeTests {
    @Test func defaultsHoldWhereNothingIsWritten() throws {
        let recipe = try RecipeSamples.parse(RecipeSamples.table)
        #expect(recipe.name == "sample")
        #expect(recipe.seed == 0)
        #expect(recipe.data.paths == ["/recipes/rows.csv"])
        #expect(recipe.data.content == .table(TablePart(csv: CSVPart(label: .name("species")))))
        #expect(recipe.data.split == SplitPart())
        #expect(recipe.model == .dense(DensePart()))
        #expect(recipe.training == TrainingPart(epochs: 3))
        #expect(recipe.coordinator == CoordinatorPart())
        #expect(recipe.labelKind == .classIndex)
        #expect(recipe.source == RecipeSamples.table)
    }

    @Test func linesAreRead() throws {
        let recipe = try RecipeSamples.parse(RecipeSamples.lines)
        #expect(recipe.data.content == .lines(LinesPart()))
        #expect(recipe.data.paths == ["/recipes/negative.txt", "/recipes/positive.txt"])
        #expect(recipe.data.split == .everyNth(10, validation: 0.1))
        #expect(recipe.data.hasTest && recipe.data.hasValidation)
        #expect(recipe.model == .pooledText(PooledTextPart()))
        try recipe.check()
        let other = try RecipeSamples.parse(RecipeSamples.lines, ["data.encoding=latin1"])
        #expect(other.data.content == .lines(LinesPart(encoding: .latin1)))
    }

    @Test func imagesAreRead() throws {
        let recipe = try RecipeSamples.parse(
            RecipeSamples.images,
            [
                "data.augmentation={rotation: 10, scale: [0.9, 1.1], cutout: 8}", "data.crop=40",
                "data.normalization={mean: [0.4, 0.5, 0.6], deviation: [0.2, 0.2, 0.2]}",
            ])
        let part = ImagesPart(
            size: .init(48, 64), crop: .init(40, 40),
            augmentation: AugmentationPart(rotation: 10, scale: 0.9...1.1, cutout: 8),
            normalization: NormalizationPart(mean: [0.4, 0.5, 0.6], deviation: [0.2, 0.2, 0.2]))
        #expect(recipe.data.content == .images(part))
        #expect(recipe.model == .cnn(ConvolutionPart()))
        try recipe.check()
    }

    /// Every form of pictures and every kind of model comes back from its own keys.
    @Test(arguments: [
        (
            RecipeSamples.images,
            [
                "data={format: images, source: cifar100, path: a.bin, testPath: b.bin}",
                "data.split.kind=files",
            ]
        ),
        (RecipeSamples.images, ["data={format: images, source: idx, path: a, labels: b}"]),
        (RecipeSamples.images, ["data.source=list", "data.image=0", "data.label=1", "data.header=false"]),
        (RecipeSamples.images, ["model={kind: resnet, depth: 18, smallImages: true}"]),
        (RecipeSamples.images, ["model={kind: resnet, depth: 14, projection: true}"]),
        (RecipeSamples.text, ["data.tokenizer=bpe", "model={kind: transformer, pooling: first}"]),
        (RecipeSamples.text, ["data.tokenizer=wordPiece", "model={kind: lstm, bidirectional: true}"]),
        (RecipeSamples.lines, ["model={kind: gru, pooling: mean, layers: 2}"]),
        (RecipeSamples.lines, ["model={kind: textCNN, lengths: [2, 3]}", "data.onBadSample=skip"]),
    ])
    func recipesComeBackFromTheirKeys(text: String, overrides: [String]) throws {
        let recipe = try RecipeSamples.parse(text, overrides)
        let again = try Recipe(effectiveKeys: recipe.effectiveKeys)
        #expect(again.data == recipe.data && again.model == recipe.model)
    }

    @Test func everyActivationHasItsName() throws {
        let names = ["relu", "sigmoid", "tanh", "gelu", "geluTanh", "silu", "softplus", "leakyReLU", "elu"]
        #expect(DensePart.Activation.allCases.map(\.rawValue) == names)
        for name in names {
            let recipe = try RecipeSamples.parse(RecipeSamples.table, ["model.activation=\(name)"])
            guard case .dense(let part) = recipe.model else { return #expect(Bool(false)) }
            #expect(part.activation.rawValue == name)
        }
    }

    @Test func recipeInCodeEqualsRecipeInText() throws {
        var read = try RecipeSamples.parse(RecipeSamples.table)
        read.source = ""
        let built = Recipe(
            name: "sample", task: .classification,
            data: DataPart(
                .table(TablePart(csv: CSVPart(label: .name("species")))), paths: ["/recipes/rows.csv"]),
            training: TrainingPart(epochs: 3))
        #expect(built == read)
        #expect(built.effectiveKeys == read.effectiveKeys)
        try built.check()
    }

    @Test func recipeInCodeIsChecked() {
        var recipe = Recipe(
            name: "sample", task: .classification,
            data: DataPart(.table(TablePart(csv: CSVPart(label: .index(0)))), paths: ["/rows.csv"]),
            training: TrainingPart(epochs: 3))
        recipe.training.globalBatchSize = 0
        #expect {
            try recipe.check()
        } throws: {
            "\($0)".contains("training.globalBatchSize must be a whole number from 1")
        }
    }

    @Test(arguments: [
        "breast-cancer", "iris", "ag-news-pooled", "sign-digits-cnn", "sign-digits-resnet",
        "ag-news-transformer", "ag-news-lstm", "ag-news-gru", "rt-polarity-cnn",
        "shakespeare-gpt", "multi30k-translation",
        "ag-news-masked", "ag-news-finetuned", "distilled",
    ])
    func shippedRecipesAreValid(name: String) throws {
        let path = RecipeSamples.shippedFolder.appendingPathComponent(name + ".yaml").path
        let recipe = try Recipe(contentsOf: path, environment: ["LOCKSTEP_DATA": "/data"])
        #expect(recipe.name == name)
        #expect(recipe.training.logicalShards == 4)
        try recipe.check()
    }

    /// A recipe that goes on from another's run finds it where `lockstep train` puts runs, wherever the recipe lies.
    @Test func runsOfOtherRecipesLieInTheCurrentFolder() throws {
        func recipe(_ name: String) throws -> Recipe {
            let file = RecipeSamples.shippedFolder.appendingPathComponent(name + ".yaml")
            return try Recipe(
                text: String(contentsOf: file, encoding: .utf8), file: file.path,
                environment: ["LOCKSTEP_DATA": "/data", "PWD": "/elsewhere"], currentFolder: "/here")
        }
        #expect(try recipe("ag-news-finetuned").start?.path == "/here/runs/ag-news-masked")
        #expect(try recipe("distilled").training.teacher?.path == "/here/runs/ag-news-finetuned")
    }

    @Test func commandsInTheCommentsOfShippedRecipesWork() throws {
        let folder = RecipeSamples.shippedFolder
        let fold = try Recipe(
            contentsOf: folder.appendingPathComponent("breast-cancer.yaml").path,
            overrides: ["data.fold=1/10"])
        #expect(fold.data.fold == Fold(number: 1, count: 10))
        let all = try Recipe(
            contentsOf: folder.appendingPathComponent("ag-news-pooled.yaml").path,
            overrides: [
                "data.split.train=0..6080", "data.split.validation=null", "coordinator.earlyStopping=null",
                "training.epochs=7",
            ], environment: ["LOCKSTEP_DATA": "/data"])
        #expect(all.data.split == SplitPart(train: 0..<6080, test: 6080..<7600))
        #expect(all.coordinator.evaluationSplit == .test)
        #expect(all.coordinator.earlyStopping == nil)
        #expect(all.data.paths == ["/data/ag-news/test.csv"])
    }

    @Test func pathsAreExpandedAndMadeAbsolute() throws {
        func path(_ written: String, _ overrides: [String] = []) throws -> String {
            let text = RecipeSamples.table.replacingOccurrences(of: "rows.csv", with: written)
            return try RecipeSamples.parse(text, overrides).data.paths[0]
        }
        #expect(try path("a/b.csv") == "/recipes/a/b.csv")
        #expect(try path("../b.csv") == "/b.csv")
        #expect(try path("/x/b.csv") == "/x/b.csv")
        #expect(try path("${LOCKSTEP_DATA}x/b.csv") == "/datax/b.csv")
        #expect(try path("a$$b.csv") == "/recipes/a$b.csv")
        #expect(try path("rows.csv", ["data.path=b.csv"]) == "/here/b.csv")
        let missing = RecipeSamples.error(RecipeSamples.table, ["data.path=$NOWHERE/x"])
        #expect(missing?.message == "data.path uses $NOWHERE, which is not set")
        #expect(missing?.remedy?.contains("export NOWHERE=") == true)
        #expect(RecipeSamples.error(RecipeSamples.table, ["data.path=a$/x"])?.code == .usage)
    }

    @Test func dollarsAreKeptOutsidePaths() throws {
        let recipe = try RecipeSamples.parse(RecipeSamples.table, ["data.label=$LOCKSTEP_DATA"])
        #expect(recipe.effectiveKeys["data.label"] == "\"$LOCKSTEP_DATA\"")
    }

    @Test func classNamesAreReadFromTheirFile() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("recipes-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("classes.txt")
        try Data("World\r\nSports\n\nSci/Tech\n".utf8).write(to: file)
        #expect(try ClassNames.file(file.path).resolved() == ["World", "Sports", "Sci/Tech"])
        try Data("World\nWorld\n".utf8).write(to: file)
        #expect { try ClassNames.file(file.path).resolved() } throws: {
            ($0 as? LockstepError)?.code == .badData
        }
        #expect { try ClassNames.file("/nowhere").resolved() } throws: {
            ($0 as? LockstepError)?.code == .badData
        }
    }

    @Test func frozenPatternsMatchNames() {
        #expect(NamePattern.matches("*.bias", "dense.0.bias"))
        #expect(NamePattern.matches("dense.*", "dense.0.bias"))
        #expect(NamePattern.matches("d*0*s", "dense.0.bias"))
        #expect(!NamePattern.matches("*.bias", "dense.0.weight"))
        #expect(!NamePattern.matches("dense", "dense.0"))
        #expect(NamePattern.matches("*", ""))
        #expect(TrainingPart(frozen: ["embedding.*"]).freezes("embedding.weight"))
        let slow = String(repeating: "a*", count: 2_000) + "b"
        #expect(!NamePattern.matches(slow, String(repeating: "a", count: 4_000)))
    }
}
