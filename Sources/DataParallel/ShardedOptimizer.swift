import CKernels
import Diagnostics
import Execution
import NeuralNetworks

/// Updates the slices of one lane: parameters in the node's arena, optimizer state in place, in one fused pass. Rates,
/// decay and freezing come from a table of runs, since slices cut across parameters.
struct ShardedOptimizer {
    /// Neighbouring elements that are updated alike.
    private struct Run {
        var range: Range<Int>
        /// Where its state lies.
        let stateStart: Int
        let rateFactor: Double
        let weightDecay: Double
        let isRegularized: Bool
        /// For state that follows a statistic, instead of an optimizer's rule: see ``Graph/Buffer``.
        let momentum: Double?

        func isLike(_ other: Run) -> Bool {
            rateFactor == other.rateFactor && weightDecay == other.weightDecay
                && isRegularized == other.isRegularized && momentum == other.momentum
        }
    }

    private let options: UpdateOptions
    private let kernel: Kernel
    private let runs: [Run]
    private let memory: NodeMemory
    private let gradient: UnsafeMutablePointer<Float>

    /// The optimizers that have a kernel.
    private enum Kernel {
        case sgd(SGD)
        case adam(Adam)
        case rmsprop(RMSProp)

        init(_ optimizer: any Optimizer) throws {
            switch optimizer {
            case let optimizer as SGD: self = .sgd(optimizer)
            case let optimizer as Adam: self = .adam(optimizer)
            case let optimizer as RMSProp: self = .rmsprop(optimizer)
            default:
                throw LockstepError(
                    .usage, "optimizer '\(optimizer.name)' has no kernel", remedy: "use SGD, Adam or RMSProp")
            }
        }

        var weightDecay: Double {
            switch self {
            case .sgd(let optimizer): optimizer.weightDecay
            case .adam(let optimizer): optimizer.weightDecay
            case .rmsprop(let optimizer): optimizer.weightDecay
            }
        }
    }

    /// Prepares the updates of a lane's slices.
    /// - Parameters:
    ///   - share: what the node updates.
    ///   - gradient: the summed gradient, an arena that is complete at the slices.
    init(
        _ options: UpdateOptions, layout: ParameterLayout, share: NodeShare, lane: Int, memory: NodeMemory,
        gradient: UnsafeMutablePointer<Float>
    ) throws {
        self.options = options
        self.memory = memory
        self.gradient = gradient
        kernel = try Kernel(options.optimizer)
        var runs: [Run] = []
        for slice in share.slices(lane: lane, of: memory.laneCount) {
            for segment in layout.allSegments
            where segment.offset < slice.upperBound && segment.end > slice.lowerBound {
                let rule = options.rule(for: segment.name)
                if rule.isFrozen { continue }
                let range = max(segment.offset, slice.lowerBound)..<min(segment.end, slice.upperBound)
                let run = Run(
                    range: range, stateStart: share.position(range.lowerBound),
                    rateFactor: rule.rateFactor, weightDecay: rule.weightDecay ?? kernel.weightDecay,
                    isRegularized: segment.isRegularized && (options.l1 != 0 || options.l2 != 0),
                    momentum: segment.momentum)
                if let last = runs.last, last.range.upperBound == run.range.lowerBound, last.isLike(run) {
                    runs[runs.count - 1].range = last.range.lowerBound..<run.range.upperBound
                } else {
                    runs.append(run)
                }
            }
        }
        self.runs = runs
    }

    /// Updates all runs.
    /// - Parameters:
    ///   - step: the global step, for the schedule.
    ///   - time: the number of this update, from 1, for Adam's bias correction.
    ///   - scale: what the summed gradient is multiplied by.
    ///   - meanScale: what makes a sum over loss terms their mean: statistics are not clipped.
    func update(step: Int, time: Int, scale: Double, meanScale: Double) {
        let rate = options.optimizer.rate * options.schedule.factor(step: step)
        for run in runs {
            let decoupled = if case .adam(let adam) = kernel { adam.isDecoupled } else { false }
            let terms = lk_gradient_terms(
                scale: Float(scale),
                decay: Float((decoupled ? 0 : run.weightDecay) + (run.isRegularized ? 2 * options.l2 : 0)),
                l1: Float(run.isRegularized ? options.l1 : 0))
            // In pieces that stay in the cache until their bfloat16 copy is written.
            var start = run.range.lowerBound
            while start < run.range.upperBound {
                let end = min(run.range.upperBound, start + Self.piece)
                if let momentum = run.momentum {
                    lk_follow(
                        memory.parameters + start, gradient + start, Float(meanScale), Float(momentum),
                        end - start)
                } else {
                    apply(run, start..<end, terms, rate: rate * run.rateFactor, time: time)
                }
                if let narrow = memory.narrowParameters {
                    lk_cast(memory.parameters + start, LK_FLOAT32, narrow + start, LK_BFLOAT16, end - start)
                }
                start = end
            }
        }
    }

    /// Elements updated by one call of a kernel.
    private static let piece = 1 << 16

    private func apply(
        _ run: Run, _ range: Range<Int>, _ terms: lk_gradient_terms, rate: Double, time: Int
    ) {
        let (start, count) = (range.lowerBound, range.count)
        let (value, gradient) = (memory.parameters + start, gradient + start)
        let place = run.stateStart + start - run.range.lowerBound
        func state(_ index: Int) -> UnsafeMutablePointer<Float> { memory.state(index) + place }
        switch kernel {
        case .sgd(let sgd):
            var call = lk_sgd_arguments(
                terms: terms, rate: Float(rate), momentum: Float(sgd.momentum),
                is_nesterov: sgd.nesterov ? 1 : 0)
            lk_sgd(&call, value, gradient, sgd.momentum == 0 ? nil : state(0), count)
        case .adam(let adam):
            let keep = adam.isDecoupled ? 1 - rate * run.weightDecay : 1
            let stepSize = rate / (1 - power(adam.beta1, time))
            let inverseRoot = 1 / (1 - power(adam.beta2, time)).squareRoot()
            var call = lk_adam_arguments(
                terms: terms, beta2: Float(adam.beta2), epsilon: Float(adam.epsilon),
                share1: Float(1 - adam.beta1), share2: Float(1 - adam.beta2), keep: Float(keep),
                step_size: Float(stepSize), inverse_root_bias2: Float(inverseRoot))
            lk_adam(&call, value, gradient, state(0), state(1), count)
        case .rmsprop(let rmsprop):
            var call = lk_rmsprop_arguments(
                terms: terms, rate: Float(rate), decay: Float(rmsprop.decay), epsilon: Float(rmsprop.epsilon),
                momentum: Float(rmsprop.momentum), share: Float(1 - rmsprop.decay))
            let momentum = rmsprop.momentum == 0 ? nil : state(1)
            lk_rmsprop(&call, value, gradient, state(0), momentum, count)
        }
    }

    /// A whole power by squaring: the same bits on every machine, unlike a library's pow.
    private func power(_ base: Double, _ exponent: Int) -> Double {
        var (result, square, rest) = (1.0, base, exponent)
        while rest > 0 {
            if rest & 1 == 1 { result *= square }
            square *= square
            rest >>= 1
        }
        return result
    }
}
