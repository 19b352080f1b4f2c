import Diagnostics
import Scenarios

extension TrainedModel {
    /// Lets a trained language model go on with texts; the model has to outlive the generator.
    /// - Throws: `LockstepError` (2) where the run trained something else.
    public func textGenerator() throws -> TextGenerator {
        guard case .tokens(let fitted) = scenario.fitted else {
            throw LockstepError(
                .usage, "the run '\(scenario.recipe.name)' trained no language model",
                remedy: "generate with a run of task: languageModel")
        }
        let decoder = try CachedDecoder(
            scenario.model, layout: layout, parameters: parameters, capacity: fitted.context)
        return TextGenerator(decoder, tokenizer: fitted.tokenizer.tokenizer)
    }

    /// Tokens before which texts of a language model end.
    public var endTokens: Set<Int32> {
        guard case .tokens(let fitted) = scenario.fitted else { return [] }
        return Set([fitted.tokenizer.endOfText].compactMap { $0 })
    }
}
