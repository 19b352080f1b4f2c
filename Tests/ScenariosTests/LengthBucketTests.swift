import Coordination
import DataPipeline
import Diagnostics
import Execution
import Metrics
import Recipes
import Scenarios
import Testing

/// Batches of texts of like length say the same of every text as batches that are filled up.
@Suite("Length buckets")
struct LengthBucketTests {
    static let lines = """
        task: classification
        data:
          format: lines
          paths: [bad.txt, good.txt]
          minimumCount: 1
          maximumLength: 20
          split: {kind: everyNth, every: 4, validation: 0.25}
        training: {epochs: 1}
        """

    static let parallel = """
        task: translation
        data:
          format: parallel
          paths: [train.en, train.de]
          validationPaths: [train.en, train.de]
          vocabularySize: 300
          maximumLength: 20
          cacheFolder: cache
        model: {kind: translation, layers: 2, width: 16, heads: 2, hidden: 24}
        training: {epochs: 1}
        """

    private func folder() throws -> Folder {
        let folder = try Folder()
        let words = ["a", "b", "cd", "e", "fg", "h"]
        func text(_ start: Int) -> String {
            var text = ""
            for line in 0..<61 {
                let length = 1 + (line * 7 + start) % 16
                text += (0..<length).map { words[(line + $0 * start) % 6] }.joined(separator: " ") + "\n"
            }
            return text
        }
        for (name, start) in [("bad.txt", 1), ("good.txt", 5), ("train.en", 1), ("train.de", 3)] {
            try folder.write(text(start), to: name)
        }
        return folder
    }

    private func result(
        _ data: RecipeData, _ scenario: Scenario, isBucketed: Bool
    ) throws -> (result: EvaluationResult, batches: Int, order: [Int]?) {
        let dataset = try data.dataset(.validation)
        let layout = ParameterLayout(try scenario.trace(sampleCount: 1))
        let arena = UnsafeMutablePointer<Float>.allocate(capacity: layout.elementCount + 16)
        defer { arena.deallocate() }
        arena.initialize(repeating: 0, count: layout.elementCount)
        layout.initialize(arena, seed: 7)
        let buckets = isBucketed ? try data.buckets(of: dataset) : nil
        #expect((buckets != nil) == isBucketed)
        let evaluator = Evaluator(
            dataset: dataset, batchSize: 4, layout: layout, threads: 2,
            buckets: buckets,
            traceOfLength: { try scenario.inferenceTrace(sampleCount: $0, length: $1, withLabel: true) },
            trace: { try scenario.inferenceTrace(sampleCount: $0, withLabel: true) })
        let parts = try evaluator.parts(arena)
        return (
            try EvaluationResult(
                task: scenario.task, classCount: scenario.classCount, parts: parts,
                batchCount: evaluator.batchCount), parts.count, evaluator.order
        )
    }

    @Test(arguments: [
        ["model={kind: pooledText, embedding: 8, hidden: [6]}"],
        ["model={kind: transformer, layers: 2, width: 16, heads: 2}"],
        ["model={kind: transformer, layers: 1, width: 16, heads: 2, pooling: first}", "data.tokenizer=bpe"],
        ["model={kind: lstm, embedding: 8, width: 12, bidirectional: true}"],
        ["model={kind: gru, embedding: 8, width: 12, layers: 2, pooling: mean}"],
        ["model={kind: transformer, layers: 1, width: 16, heads: 2}", "task=maskedLanguage"], [],
    ])
    func evaluationsAgree(_ words: [String]) throws {
        let folder = try folder()
        let text = words.isEmpty ? Self.parallel : Self.lines
        let more = words.contains("data.tokenizer=bpe") ? ["data.vocabularySize=300"] : []
        for buckets in ["[4, 8, 12, 16]", "auto"] {
            let recipe = try folder.recipe(text, words + more + ["data.lengthBuckets=\(buckets)"])
            let data = try RecipeData(recipe)
            let scenario = try Scenario(recipe, fitted: data.fitted)
            let training = try data.dataset(.train, for: .training(seed: 1))
            let found = try #require(try data.buckets(of: training))
            #expect(found.limits.count > 1 && found.fullLength == 20 && found.sampleCount == training.count)
            #expect(found.fillingShare < 0.7 * found.fullFillingShare)
            let plain = try result(data, scenario, isBucketed: false)
            let cut = try result(data, scenario, isBucketed: true)
            #expect(cut.order != nil && plain.order == nil && cut.batches == plain.batches)
            #expect(cut.result.count == plain.result.count)
            #expect(abs(cut.result.loss - plain.result.loss) < 2e-6 * abs(plain.result.loss))
            #expect(cut.result.accuracy == plain.result.accuracy)
        }
    }

    @Test func withoutTheKeyThereAreNone() throws {
        let folder = try folder()
        let data = try RecipeData(try folder.recipe(Self.parallel))
        #expect(try data.buckets(of: try data.dataset(.train)) == nil)
    }
}
