import NeuralNetworks
import Recipes

extension OptimizerPart {
    /// The optimizer that a recipe's `training.optimizer` describes.
    var optimizer: any Optimizer {
        switch kind {
        case .sgd: SGD(rate: rate, momentum: momentum, nesterov: nesterov, weightDecay: weightDecay)
        case .adam, .adamW:
            Adam(
                rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay,
                isDecoupled: kind == .adamW)
        case .rmsprop:
            RMSProp(rate: rate, decay: decay, epsilon: epsilon, momentum: momentum, weightDecay: weightDecay)
        }
    }
}

extension SchedulePart {
    /// The schedule that a recipe's `training.schedule` describes.
    func schedule(totalSteps: Int, rate: Double) -> RateSchedule {
        let floor = rate > 0 ? minimumRate / rate : 0
        let course: RateSchedule.Course =
            switch kind {
            case .constant: .constant
            case .step: .step(every: everySteps, factor: factor)
            case .exponential: .exponential(every: everySteps, factor: factor)
            case .cosine: .cosine(steps: totalSteps, minimum: floor)
            case .inverseSquareRoot: .inverseSquareRoot
            }
        return RateSchedule(course, warmupSteps: warmupSteps, minimum: kind == .cosine ? 0 : floor)
    }
}
