import Collectives
import Diagnostics
import Foundation
import Inference
import Metrics
import Recipes
import Scenarios

extension RunEvaluation {
    /// The beam search that evaluations translate with: the defaults of `lockstep translate`.
    static var search: BeamSearch { get throws { try BeamSearch() } }

    /// BLEU and ROUGE of a split of a translation, every rank a share of the lines; nil for other tasks, and on other
    /// ranks than the first. Lines of all lengths count. Collective where there is a communicator.
    func translationScores(
        _ data: RecipeData, _ split: CoordinatorPart.Split, threads: Int, _ communicator: (any Communicator)?
    ) throws -> TranslationScores? {
        guard model.scenario.recipe.task == .translation, let rows = data.source as? ParallelRows else {
            return nil
        }
        let lines = data.rows(split).map(rows.lines(ofRow:))
        func share(_ part: Int, of count: Int) throws -> TranslationScores {
            try Translator(model).scores(lines, try Self.search, threads: threads, part: part, of: count)
        }
        guard let communicator, communicator.worldSize > 1 else { return try share(0, of: 1) }
        let own = try Agreement.reach(communicator) {
            try share(communicator.rank, of: communicator.worldSize)
        }
        let bytes = Array(try JSONEncoder().encode(own))
        return try communicator.gather(bytes, to: 0)?.reduce(into: TranslationScores()) { sum, bytes in
            try sum.merge(try JSONDecoder().decode(TranslationScores.self, from: Data(bytes)))
        }
    }
}
