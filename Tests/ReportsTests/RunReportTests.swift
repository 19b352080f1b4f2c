import Diagnostics
import Metrics
import Reports
import Testing

@Suite struct RunReportTests {
    private func report(baseline: RunReport.Baseline?) throws -> RunReport {
        let part = EvaluationPart(batch: 0, lossSum: 1, scores: [3, 2.5], targets: [3, 2])
        return RunReport(
            recipeName: "housing", split: "test", step: 1200, parameterCount: 1_234_567, wallSeconds: 61.25,
            files: [("metrics", "metrics.jsonl"), ("checkpoint", "checkpoints/step-00001200")],
            result: try EvaluationResult(task: .regression, classCount: 0, parts: [part]), baseline: baseline)
    }

    @Test func readsAsOnePage() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/report.txt"
        try writeText("older", to: path)
        try report(baseline: .init(name: "linear model", metric: "mse", value: 0.25)).write(to: path)
        #expect(
            try readText(path) == """
                Lockstep report
                ===============

                recipe      housing
                split       test
                step        1200
                parameters  1,234,567
                seconds     61.2

                Evaluation
                ----------

                samples                       2
                loss                          0.500000
                mean squared error            0.125000
                root mean squared error       0.353553
                mean absolute error           0.250000
                coefficient of determination  0.500000

                Comparison
                ----------

                mse: 0.1250, linear model 0.2500 (difference -0.1250)

                Files
                -----

                metrics     metrics.jsonl
                checkpoint  checkpoints/step-00001200

                """)
    }

    @Test func saysWhenTheComparedMetricIsMissing() throws {
        let baseline = RunReport.Baseline(name: "a notebook", metric: "accuracy", value: 0.9)
        let text = try report(baseline: baseline).text
        #expect(text.contains("accuracy was not measured; a notebook has 0.9000"))
        #expect(try !report(baseline: nil).text.contains("Comparison"))
    }

    @Test func aFolderThatIsNotThereIsAnOutputError() throws {
        let report = try report(baseline: nil)
        #expect(lockstepError { try report.write(to: "/proc/none/report.txt") }?.code == .inputOutput)
    }
}
