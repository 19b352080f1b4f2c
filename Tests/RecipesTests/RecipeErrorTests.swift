import Diagnostics
import Foundation
import Recipes
import Testing

@Suite("Recipe errors")
struct RecipeErrorTests {
    @Test func unknownKeyIsPlacedAndTheNearestIsNamed() throws {
        let text = RecipeSamples.table + "\n  globalBatchsize: 16\n"
        let error = try #require(RecipeSamples.error(text))
        #expect(error.code == .usage)
        #expect(error.location == FileLocation("/recipes/sample.yaml", line: 7, column: 3))
        #expect(error.message == "unknown key 'training.globalBatchsize'")
        #expect(error.remedy?.hasPrefix("did you mean 'globalBatchSize'?") == true)
    }

    @Test func misspeltRequiredKeyIsReportedAsMisspelt() throws {
        let text = RecipeSamples.table.replacingOccurrences(of: "label:", with: "lable:")
        let error = try #require(RecipeSamples.error(text))
        #expect(error.message == "unknown key 'data.lable'")
        #expect(error.location == FileLocation("/recipes/sample.yaml", line: 4, column: 3))
        #expect(error.remedy?.contains("'label'") == true)
    }

    @Test func missingKeyIsNamed() throws {
        let error = try #require(RecipeSamples.error("task: regression\ntraining: {epochs: 1}\n"))
        #expect(error.message == "the key 'data' is missing")
    }

    @Test func wrongValueIsPlaced() throws {
        let text = RecipeSamples.table.replacingOccurrences(of: "epochs: 3", with: "epochs: three")
        let error = try #require(RecipeSamples.error(text))
        #expect(error.location == FileLocation("/recipes/sample.yaml", line: 6, column: 11))
        #expect(error.message == "training.epochs must be a whole number from 1 to 1000000000, not 'three'")
    }

    @Test func unknownChoiceListsTheChoices() throws {
        let error = try #require(RecipeSamples.error(RecipeSamples.table, ["training.optimizer.kind=adma"]))
        #expect(
            error.message == "training.optimizer.kind must be one of sgd, adam, adamW, rmsprop, not 'adma'")
        #expect(error.remedy == "did you mean 'adam'?")
        #expect(error.location?.description == "--set training.optimizer.kind=adma")
    }

    @Test func unknownKeyOfAnOverrideNamesTheOption() throws {
        let error = try #require(RecipeSamples.error(RecipeSamples.table, ["training.optimiser.rate=1"]))
        #expect(error.location?.description == "--set training.optimiser.rate=1")
        #expect(error.message == "unknown key 'training.optimiser'")
        #expect(error.remedy?.hasPrefix("did you mean 'optimizer'?") == true)
    }

    @Test(arguments: [
        ("training.logicalShards=4", "training.accumulation and training.logicalShards both say"),
        ("training.synchronizedBatchNorm=true", "training.synchronizedBatchNorm cannot be used with"),
    ])
    func accumulationFitsTheOtherKeys(other: String, message: String) throws {
        let error = try #require(
            RecipeSamples.error(RecipeSamples.table, ["training.accumulation=4", other]))
        #expect(error.code == .usage && error.message.hasPrefix(message), "\(error.message)")
    }

    @Test func duplicateKeysAreRefused() throws {
        let error = try #require(RecipeSamples.error(RecipeSamples.table + "\n  epochs: 4\n"))
        #expect(error.message == "written more than once: 'epochs'")
        #expect(error.location?.line == 6)
    }

    @Test func brokenYamlIsPlaced() throws {
        let error = try #require(RecipeSamples.error("task: classification\ndata: {path: a\ntraining: 1\n"))
        #expect(error.code == .usage)
        #expect(error.location?.line == 3)
    }

    @Test func aModelThatDoesNotFitNamesThoseThatDo() throws {
        let error = try #require(RecipeSamples.error(RecipeSamples.text, ["model={kind: dense}"]))
        #expect(error.message == "model of kind 'dense' does not fit data of format 'text'")
        #expect(error.remedy?.hasPrefix("for data of format 'text' and task 'classification' use") == true)
        #expect(error.remedy?.contains("pooledText") == true)
    }

    @Test func labelsOfNumbersAreNotSmoothed() throws {
        let words = ["training.labelSmoothing=0.1"]
        #expect(try RecipeSamples.parse(RecipeSamples.table, words).training.labelSmoothing == 0.1)
        #expect(RecipeSamples.error(RecipeSamples.table, words + ["task=regression"])?.code == .usage)
    }

    @Test(arguments: [
        "data.path=a.txt", "data.split.kind=files", "data.header=true", "data.label=0", "data.encoding=utf16",
        "task=regression",
    ])
    func valuesOfLinesOutOfBoundsAreRefused(override: String) throws {
        let extra = override.hasPrefix("data.path") ? ["data.paths=null"] : []
        let error = try #require(RecipeSamples.error(RecipeSamples.lines, extra + [override]), "\(override)")
        #expect(error.code == .usage)
    }

    @Test(arguments: [
        "data.size=null", "data.size=[1, 2, 3]", "data.size=0", "data.crop=[49, 10]", "data.resize=nearest",
        "data.source=idx", "data.source=list", "data.source=zip", "data.label=0", "data.augmentation.flip=1",
        "data.augmentation.horizontalFlip=2", "data.augmentation.rotation=181",
        "data.augmentation.scale=[1.2, 0.9]", "data.augmentation.scale=1.2", "data.augmentation.cutout=-1",
        "data.normalization={mean: [0.5]}", "data.normalization={mean: [0.5, 0.5], deviation: [1, 1]}",
        "data.normalization={mean: [0.5], deviation: [0]}", "data.onBadSample=ignore",
        "data={format: images, source: cifar10, path: a.bin, size: 32}", "model={kind: pooledText}",
        "model.convolutions=[0]", "model.padding=full", "model.dropout=1", "model.activation=relu",
        "model={kind: resnet, depth: 19}", "model={kind: resnet, depth: 18, projection: true}",
        "model={kind: resnet, hidden: [3]}", "task=regression",
    ])
    func valuesOfImagesOutOfBoundsAreRefused(override: String) throws {
        let error = try #require(RecipeSamples.error(RecipeSamples.images, [override]), "\(override)")
        #expect(error.code == .usage)
    }

    @Test(arguments: [
        "data.tokenizer=letters", "data.tokenDropout=1", "data={tokenizer: bpe, vocabularySize: 260}",
        "data={tokenizer: wordPiece, maximumLength: 1}", "model={kind: transformer, width: 10, heads: 3}",
        "model={kind: transformer, pooling: last}", "model={kind: lstm, pooling: first}",
        "model={kind: gru, hidden: [3]}", "model={kind: lstm, layers: 0}",
        "model={kind: textCNN, lengths: []}",
        "model={kind: cnn}",
    ])
    func valuesOfTextModelsOutOfBoundsAreRefused(override: String) throws {
        // A group in an override replaces what the recipe says: the keys that it must have come along.
        let whole = override.replacingOccurrences(
            of: "data={", with: "data={format: text, path: a.csv, label: 0, header: false, text: [1], ")
        let error = try #require(RecipeSamples.error(RecipeSamples.text, [whole]), "\(override)")
        #expect(error.code == .usage)
    }

    @Test func keysOfAnotherKindAreRefused() throws {
        let error = try #require(
            RecipeSamples.error(
                RecipeSamples.table, ["training.optimizer.kind=sgd", "training.optimizer.beta1=0.9"]))
        #expect(error.message == "unknown key 'training.optimizer.beta1' for optimizer kind 'sgd'")
        #expect(RecipeSamples.error(RecipeSamples.table, ["model.embedding=8"]) != nil)
        #expect(RecipeSamples.error(RecipeSamples.table, ["data.vocabularySize=8"]) != nil)
        #expect(RecipeSamples.error(RecipeSamples.text, ["data.encoding=latin1"]) != nil)
        #expect(RecipeSamples.error(RecipeSamples.text, ["data.scale=standard"]) != nil)
        #expect(RecipeSamples.error(RecipeSamples.table, ["training.schedule.factor=0.5"]) != nil)
        #expect(
            RecipeSamples.error(RecipeSamples.table, ["data.split={kind: ranges, train: 0..5, seed: 1}"])
                != nil)
    }

    /// One override a line that each part must refuse, on the recipe for tables.
    @Test(arguments: [
        "seed=-1", "seed=1.5", "seed=18446744073709551616", "task=guess", "name=a/b", "name=''",
        "data=5", "data.path=''", "data.paths=[]", "data.paths=[a, b]", "data.delimiter=ab",
        "data.delimiter='\"'",
        "data.header=yes", "data.header='true'", "data.label=[a]", "data.label=-1", "data.features=[]",
        "data.features=[a, a]", "data.features=a: b", "data.missing=zero", "data.scale=unit",
        "data.residentLimitBytes=-1", "data.residentLimitBytes=9223372036854775808", "data.testPath=t.csv",
        "data.classNames=[only]", "data.classNames=[a, a]", "data.fold=0/10", "data.fold=11/10",
        "data.fold=1",
        "data.fold=1/1", "data.fold=1/10/3", "data.validationFraction=1", "data.split.train=0.5",
        "data.split.kind=files", "data.split.kind=ranges", "data.split={kind: ranges, train: 5..5}",
        "data.split={kind: ranges, train: 0..5, test: 4..9}", "data.split={kind: ranges, train: 0-5}",
        "data.split={kind: ranges, train: 0..5, validation: 5..8, test: 7..9}", "data.split.stratify=1",
        "data.split={kind: everyNth, every: 1}", "data.split={kind: everyNth, train: 0.5}",
        "data.split={kind: fractions, every: 3}", "training.labelSmoothing=1", "data.format=lines",
        "model.kind=pooledText", "model.hidden=[0]", "model.hidden=[64, x]", "model.hidden=[64.0]",
        "model.activation=swish", "model.dropout=1", "model.dropout=-0.1", "model.dropout=nan",
        "model.initializer=zeros", "model.bias=2",
        "training.globalBatchSize=0", "training.globalBatchSize=1e3", "training.globalBatchSize=010",
        "training.globalBatchSize='32'", "training.logicalShards=33", "training.logicalShards=0",
        "training.epochs=0", "training.epochs=null", "training.maxSteps=0", "training.shuffle=maybe",
        "training.optimizer.rate=0", "training.optimizer.rate=inf", "training.optimizer.rate=1e400",
        "training.optimizer.rate=0x1p3", "training.optimizer.beta1=1", "training.optimizer.epsilon=0",
        "training.optimizer.weightDecay=-1", "training.optimizer={kind: sgd, nesterov: true}",
        "training.optimizer={kind: rmsprop, decay: 1}", "training.schedule.kind=step",
        "training.schedule={kind: step, everySteps: 0, factor: 0.5}",
        "training.schedule={kind: exponential, everySteps: 5, factor: 1.5}",
        "training.schedule={kind: cosine, minimumRate: 1}", "training.schedule.warmupSteps=-1",
        "training.clipNorm=0", "training.regularization.l2=-1", "training.frozen=['']",
        "training.maxNonFiniteSteps=0",
        "coordinator.evaluateEvery=5", "coordinator.evaluateEvery={steps: 5, epochs: 1}",
        "coordinator.evaluateEvery.steps=0", "coordinator.evaluationSplit=all",
        "coordinator.evaluationBatchSize=0", "coordinator.checkpointEvery.hours=1", "coordinator.keepLast=0",
        "coordinator.earlyStopping.patience=0", "coordinator.earlyStopping.metric=auc",
        "coordinator.earlyStopping.metric=f1", "coordinator.earlyStopping.minimumDelta=-1",
        "coordinator.logEvery=0", "coordinator.mode=alone", "coordinator.keepBest=1",
        "nokey", "=1", "a..b=1", "training.epochs.x=1", "training.frozen=*.bias", "data.label=&a x",
    ])
    func valuesOutOfBoundsAreRefused(override: String) throws {
        let error = try #require(RecipeSamples.error(RecipeSamples.table, [override]), "\(override)")
        #expect(error.code == .usage)
        #expect(error.location?.description.isEmpty == false, "\(override)")
    }

    @Test(arguments: [
        "data.text=[]", "data.text=null", "data.text=[title]", "data.vocabularySize=2", "data.minimumCount=0",
        "data.maximumLength=0", "data.truncate=left", "data.pad=head", "data.lowercase=1", "model.kind=dense",
        "model.embedding=0",
    ])
    func valuesOfTextsOutOfBoundsAreRefused(override: String) throws {
        let error = try #require(RecipeSamples.error(RecipeSamples.text, [override]), "\(override)")
        #expect(error.code == .usage)
    }

    @Test func evaluationNeedsRows() throws {
        let split = "data.split={kind: fractions, train: 0.8, test: 0.2}"
        let error = try #require(
            RecipeSamples.error(RecipeSamples.table, [split, "coordinator.evaluationSplit=validation"]))
        #expect(error.message.contains("the split has no such rows"))
        #expect(try RecipeSamples.parse(RecipeSamples.table, [split]).coordinator.evaluationSplit == .test)
    }

    @Test func regressionHasNoClasses() {
        let text = RecipeSamples.table.replacingOccurrences(of: "classification", with: "regression")
        #expect(RecipeSamples.error(text, ["data.classNames=[a, b]"]) != nil)
        #expect(RecipeSamples.error(text, ["data.split.stratify=true"]) != nil)
        #expect(RecipeSamples.error(text, ["coordinator.earlyStopping.metric=accuracy"]) != nil)
    }

    @Test func missingFileIsNamed() {
        #expect {
            try Recipe(contentsOf: "/nowhere/recipe.yaml")
        } throws: {
            ($0 as? LockstepError)?.code == .usage && "\($0)".contains("/nowhere/recipe.yaml")
        }
        #expect { try Recipe(contentsOf: "/tmp") } throws: { ($0 as? LockstepError)?.code == .usage }
    }
}
