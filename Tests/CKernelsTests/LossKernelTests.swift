import CKernels
import Testing

@Suite struct LossKernelTests {
    /// Runs a loss with all clones and its twin; also with either result left out.
    private func compare(
        count: Int, location: SourceLocation = #_sourceLocation,
        twin: (UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?) -> Void,
        kernel: (UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?) -> Void
    ) {
        var (loss, gradient) = (GuardedFloats(count: 1), GuardedFloats(count: count))
        loss.withPointer { loss in gradient.withPointer { twin(loss, $0) } }
        var first: [Float]?
        withEachInstructionSet { set in
            var (ours, slope) = (GuardedFloats(count: 1), GuardedFloats(count: count))
            ours.withPointer { ours in slope.withPointer { kernel(ours, $0) } }
            #expect(ours.isIntact && slope.isIntact, sourceLocation: location)
            #expect(
                distance(ours.values, loss.values) < 2e-6, "set \(set.rawValue)", sourceLocation: location)
            #expect(
                distance(slope.values, gradient.values) < 1e-6, "set \(set.rawValue)",
                sourceLocation: location)
            let all = ours.values + slope.values
            #expect(bits(first ?? all) == bits(all), "set \(set.rawValue)", sourceLocation: location)
            first = first ?? all
            var (alone, slopeAlone) = (GuardedFloats(count: 1), GuardedFloats(count: count))
            alone.withPointer { kernel($0, nil) }
            slopeAlone.withPointer { kernel(nil, $0) }
            #expect(bits(alone.values + slopeAlone.values) == bits(all), sourceLocation: location)
        }
    }

    @Test(arguments: [1, 3, 32], [2, 3, 4, 15, 16, 17, 31, 33, 100]) func softmax(samples: Int, classes: Int)
    {
        var numbers = TestNumbers(samples * 1000 + classes)
        let logits = numbers.floats(samples * classes, -5...5)
        let labels = numbers.integers(samples, below: classes)
        compare(count: samples * classes) {
            lkr_softmax_cross_entropy(
                logits, LK_FLOAT32, labels, samples, classes, .min, 0, $0, $1, LK_FLOAT32)
        } kernel: {
            lk_softmax_cross_entropy(
                logits, LK_FLOAT32, labels, samples, classes, .min, 0, $0, $1, LK_FLOAT32)
        }
    }

    @Test(arguments: [2, 15, 16, 17, 33, 100], [Float(0), 0.1, 1]) func softmaxWithIgnoredLabels(
        classes: Int, smoothing: Float
    ) {
        var numbers = TestNumbers(classes)
        let samples = 7
        let logits = numbers.floats(samples * classes, -5...5)
        var labels = numbers.integers(samples, below: classes)
        labels[0] = -100
        labels[4] = -100
        compare(count: samples * classes) {
            lkr_softmax_cross_entropy(
                logits, LK_FLOAT32, labels, samples, classes, -100, smoothing, $0, $1, LK_FLOAT32)
        } kernel: {
            lk_softmax_cross_entropy(
                logits, LK_FLOAT32, labels, samples, classes, -100, smoothing, $0, $1, LK_FLOAT32)
        }
        var counted: Float = 0
        lk_count_labels(labels, samples, -100, &counted)
        #expect(counted == 5)
        lkr_count_labels(labels, samples, -100, &counted)
        #expect(counted == 5)
    }

    /// Logits and gradient in every combination of storage types, against the twin on the same numbers.
    @Test(arguments: [3, 16, 40], [Float(0), 0.2]) func softmaxOfBothStorageTypes(
        classes: Int, smoothing: Float
    ) {
        var numbers = TestNumbers(classes)
        let samples = 5
        let wide = numbers.floats(samples * classes, -5...5)
        let labels: [Int32] = [0, 1, -100, 2, 1]
        for (type, gradientType) in typePairs {
            let logits = stored(wide, type)
            var (expected, loss): (Float, Float) = (0, 0)
            var twin = [UInt8](repeating: 0, count: samples * classes * 4)
            lkr_softmax_cross_entropy(
                logits, type, labels, samples, classes, -100, smoothing, &expected, &twin, gradientType)
            var first: [UInt8]?
            withEachInstructionSet { _ in
                var gradient = [UInt8](repeating: 0, count: samples * classes * 4)
                lk_softmax_cross_entropy(
                    logits, type, labels, samples, classes, -100, smoothing, &loss, &gradient, gradientType)
                #expect(abs(loss - expected) < 2e-6 * max(1, abs(expected)))
                let tolerance: Float = gradientType == LK_FLOAT32 ? 1e-6 : 4e-3
                #expect(
                    distance(
                        widened(gradient, gradientType, samples * classes),
                        widened(twin, gradientType, samples * classes)) < tolerance)
                #expect(first ?? gradient == gradient)
                first = first ?? gradient
            }
        }
    }

    @Test(arguments: awkwardCounts) func sigmoid(count: Int) {
        var numbers = TestNumbers(count)
        let (logits, targets) = (numbers.floats(count, -8...8), numbers.floats(count, 0...1))
        let labels = numbers.integers(count, below: 2)
        compare(count: count) {
            lkr_sigmoid_cross_entropy(logits, targets, nil, count, $0, $1)
        } kernel: {
            lk_sigmoid_cross_entropy(logits, targets, nil, count, $0, $1)
        }
        compare(count: count) {
            lkr_sigmoid_cross_entropy(logits, nil, labels, count, $0, $1)
        } kernel: {
            lk_sigmoid_cross_entropy(logits, nil, labels, count, $0, $1)
        }
    }

    @Test(arguments: awkwardCounts) func squares(count: Int) {
        var numbers = TestNumbers(count)
        let (x, targets) = (numbers.floats(count), numbers.floats(count))
        compare(count: count) {
            lkr_squared_error(x, targets, count, $0, $1)
        } kernel: {
            lk_squared_error(x, targets, count, $0, $1)
        }
    }

    @Test func largeLogitsNeitherOverflowNorVanish() {
        let logits: [Float] = [1e4, -1e4, 0, -1e30, 1e30, 3, 500, 500, 500]
        let labels: [Int32] = [0, 1, 2]
        withEachInstructionSet { _ in
            var (loss, gradient) = (GuardedFloats(count: 1), GuardedFloats(count: 9))
            loss.withPointer { loss in
                gradient.withPointer {
                    lk_softmax_cross_entropy(logits, LK_FLOAT32, labels, 3, 3, .min, 0, loss, $0, LK_FLOAT32)
                }
            }
            // 0, then 0 (the label is the greatest), then log 3.
            #expect(abs(loss.values[0] - 1.0986123) < 1e-6)
            let third: Float = 1.0 / 3
            #expect(distance(gradient.values, [0, 0, 0, 0, 0, 0, third, third, third - 1]) < 1e-6)
            var wrong: Float = 0
            lk_softmax_cross_entropy(
                [1e4, -1e4, 0] as [Float], LK_FLOAT32, [1], 1, 3, .min, 0, &wrong, nil, LK_FLOAT32)
            #expect(wrong == 2e4)
            lk_sigmoid_cross_entropy([1e4, -1e4, 1e4], [0, 1, 1], nil, 3, &wrong, nil)
            #expect(wrong == 2e4)
        }
    }

    /// A program lets the gradient take the logits' place.
    @Test(arguments: [5, 16, 37], [Float(0), 0.1]) func inPlace(classes: Int, smoothing: Float) {
        let labels: [Int32] = [3, 0, -100, 4]
        let logits = (0..<(4 * classes)).map { Float(($0 * 37) % 23) * 0.3 - 3 }
        let narrow = logits.map { UInt16($0.bitPattern >> 16) }
        withEachInstructionSet { set in
            var (loss, lossInPlace): (Float, Float) = (0, 0)
            var (gradient, same) = (logits, logits)
            lk_softmax_cross_entropy(
                logits, LK_FLOAT32, labels, 4, classes, -100, smoothing, &loss, &gradient, LK_FLOAT32)
            same.withUnsafeMutableBufferPointer {
                lk_softmax_cross_entropy(
                    $0.baseAddress!, LK_FLOAT32, labels, 4, classes, -100, smoothing, &lossInPlace,
                    $0.baseAddress!, LK_FLOAT32)
            }
            #expect(gradient == same && loss == lossInPlace, "set \(set.rawValue)")
            var (narrowGradient, narrowSame) = (narrow, narrow)
            lk_softmax_cross_entropy(
                narrow, LK_BFLOAT16, labels, 4, classes, -100, smoothing, &loss, &narrowGradient, LK_BFLOAT16)
            narrowSame.withUnsafeMutableBufferPointer {
                lk_softmax_cross_entropy(
                    $0.baseAddress!, LK_BFLOAT16, labels, 4, classes, -100, smoothing, &lossInPlace,
                    $0.baseAddress!, LK_BFLOAT16)
            }
            #expect(narrowGradient == narrowSame && loss == lossInPlace, "set \(set.rawValue)")
        }
    }

    @Test func nanAndInfinityReachTheLoss() {
        withEachInstructionSet { set in
            for classes in [3, 16, 17, 40] {
                for place in [0, classes - 1] {
                    for bad in [Float.nan, .infinity] {
                        var logits = [Float](repeating: 0.25, count: classes)
                        logits[place] = bad
                        var loss: Float = 0
                        lk_softmax_cross_entropy(
                            logits, LK_FLOAT32, [1], 1, classes, .min, 0, &loss, nil, LK_FLOAT32)
                        #expect(!loss.isFinite, "\(classes) classes, \(bad) at \(place), set \(set.rawValue)")
                    }
                }
            }
            for count in [1, 16, 17] {
                var x = [Float](repeating: 0, count: count)
                x[count - 1] = .nan
                let zeros = [Float](repeating: 0, count: count)
                var (sigmoid, square): (Float, Float) = (0, 0)
                lk_sigmoid_cross_entropy(x, zeros, nil, count, &sigmoid, nil)
                lk_squared_error(x, zeros, count, &square, nil)
                #expect(sigmoid.isNaN && square.isNaN)
                x[count - 1] = .infinity
                lk_sigmoid_cross_entropy(x, zeros, nil, count, &sigmoid, nil)
                lk_squared_error(x, zeros, count, &square, nil)
                #expect(!sigmoid.isFinite && square == .infinity)
            }
        }
    }

    @Test func aLabelOutsideTheClassesReadsNothingOutside() {
        for label in [Int32(-1), 3, .max, .min] {
            withEachInstructionSet { _ in
                var (loss, gradient) = (GuardedFloats(count: 1), GuardedFloats(count: 3))
                loss.withPointer { loss in
                    gradient.withPointer {
                        lk_softmax_cross_entropy(
                            [1, 2, 3] as [Float], LK_FLOAT32, [label], 1, 3, .min, 0, loss, $0, LK_FLOAT32)
                    }
                }
                #expect(gradient.isIntact && loss.values[0].isFinite)
            }
        }
    }
}
