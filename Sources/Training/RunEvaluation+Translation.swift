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

    /// BLEU of a split of a translation, every rank a share of the lines; nil for other tasks, and on other ranks than
    /// the first. Lines of all lengths count. Collective where there is a communicator.
    func bleu(
        _ data: RecipeData, _ split: CoordinatorPart.Split, threads: Int, _ communicator: (any Communicator)?
    ) throws -> BLEU? {
        guard model.scenario.recipe.task == .translation, let rows = data.source as? ParallelRows else {
            return nil
        }
        let (rank, size) = (communicator?.rank ?? 0, communicator?.worldSize ?? 1)
        let lines = data.rows(split)
        func share() throws -> BLEU {
            let own = stride(from: rank, to: lines.count, by: size).map { rows.lines(ofRow: lines[$0]) }
            return try Translator(model).bleu(own, try Self.search, threads: threads)
        }
        guard let communicator, size > 1 else { return try share() }
        let own = try Agreement.reach(communicator) { try share() }
        let bytes = Array(try JSONEncoder().encode(own))
        return try communicator.gather(bytes, to: 0)?.reduce(into: BLEU()) { sum, bytes in
            sum.merge(try JSONDecoder().decode(BLEU.self, from: Data(bytes)))
        }
    }
}
