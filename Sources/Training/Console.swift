import DataParallel
import Foundation
import Reports

/// What rank 0 shows while it trains: the progress line, evaluations, warnings. Other ranks have a silent one.
final class Console: @unchecked Sendable {
    private var line: ProgressLine?
    private let lock = NSLock()
    private let stepsPerEpoch: Int

    /// - Parameter isSilent: for ranks other than 0, and for `--json`.
    init(totalSteps: Int, firstStep: Int, stepsPerEpoch: Int, isSilent: Bool, isUnderMPI: Bool) {
        self.stepsPerEpoch = stepsPerEpoch
        line =
            isSilent
            ? nil
            : ProgressLine(
                stepCount: totalSteps == Int.max ? nil : totalSteps, startingAt: firstStep,
                style: .fittingStandardError(isUnderMPI: isUnderMPI))
    }

    /// A step of this process.
    func note(_ verdict: StepVerdict) {
        lock.withLock {
            line?.update(
                step: verdict.step + 1, epoch: verdict.step / stepsPerEpoch, loss: verdict.loss,
                sampleCount: Int(verdict.termCount))
        }
    }

    /// A logged step of another process.
    func note(step: Int, loss: Double) {
        lock.withLock {
            line?.update(step: step, epoch: (step - 1) / stepsPerEpoch, loss: loss, sampleCount: 0)
        }
    }

    func noteEvaluation(step: Int, metric: String, value: Double) {
        lock.withLock { line?.noteEvaluation(step: step, metric: metric, value: value) }
    }

    /// A warning, even when the rest is silent: it goes to standard error.
    func warn(_ text: String) {
        lock.withLock {
            if line != nil {
                line?.message("warning: " + text)
            } else {
                ProgressLine.standardError("warning: \(text)\n")
            }
        }
    }

    func finish() { lock.withLock { line?.finish() } }
}
