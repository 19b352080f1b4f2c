import Baselines
import DataPipeline
import Diagnostics
import Foundation
import Metrics
import Reports
import Scenarios

extension RunEvaluation.Outcome {
    /// Refuses `--baseline` for data of which a sample has several answers, as the tokens of a text are.
    static func checkBaseline(_ fitted: FittedData) throws {
        guard fitted.labelField.sampleShape.elementCount != 1 else { return }
        throw LockstepError(
            .usage,
            "--baseline needs one class or number a sample; a sample of this recipe has several answers",
            remedy: "leave --baseline out")
    }

    /// Trains a classical model on the training split and sets it beside the run in the report.
    mutating func trainBaseline(_ evaluation: RunEvaluation) throws {
        let start = ContinuousClock.now
        let scenario = evaluation.model.scenario
        let data = try RecipeData(scenario.recipe, fitted: scenario.fitted)
        let baseline = try ClassicalBaseline(
            training: try data.samples(.train).dataset,
            test: try data.samples(try evaluation.split(report.split)).dataset, task: scenario.task,
            classCount: scenario.classCount)
        let parts = (ContinuousClock.now - start).components
        let metric = ComparedMetric.all(of: scenario.task)[0]
        let bootstrap = try predictions.map {
            try PairedBootstrap(metric, of: [$0, baseline.predictions])
        }
        report.trainedBaseline = RunReport.TrainedBaseline(
            name: baseline.name, featureCount: baseline.featureCount,
            seconds: Double(parts.seconds) + Double(parts.attoseconds) * 1e-18, result: baseline.result,
            metric: metric.rawValue, pValue: bootstrap?.pValue(0, 1))
    }
}
