import CKernels
import Testing

/// Batch norm: clones give the same bits, the twin's numbers, and write nothing outside; every way in which channels may
/// lie, float32 and bfloat16.
@Suite struct BatchNormKernelTests {
    private struct Case: CustomStringConvertible {
        let samples: Int
        let channels: Int
        let positions: Int
        /// 0 for row-major.
        let block: Int
        var type = LK_FLOAT32
        var isFused = false
        var isFixed = false

        var description: String {
            "\(samples) x \(channels) x \(positions), block \(block), type \(type.rawValue)"
                + (isFused ? ", fused" : "") + (isFixed ? ", fixed" : "")
        }

        var groups: lk_channel_groups {
            var groups = lk_channel_groups()
            (groups.total, groups.runs) = (channels, samples)
            if block > 0 {
                (groups.channels, groups.count) = (block, (channels + block - 1) / block)
                (groups.length, groups.group_stride) = (positions * block, positions * block)
                groups.run_stride = groups.count * groups.length
            } else if positions == 1 {
                (groups.channels, groups.count) = (16, (channels + 15) / 16)
                (groups.length, groups.group_stride, groups.run_stride) = (16, 16, channels)
                groups.is_cut = 1
            } else {
                (groups.channels, groups.count) = (1, channels)
                (groups.length, groups.group_stride) = (positions, positions)
                groups.run_stride = channels * positions
            }
            return groups
        }

        /// Elements, padding channels included.
        var count: Int { groups.run_stride * samples }

        /// Whether an element only fills its block up.
        func isPadding(_ index: Int) -> Bool {
            guard block > 0 else { return false }
            let group = index % groups.run_stride / groups.group_stride
            return group * block + index % block >= channels
        }

        /// Random numbers, zero in padding channels, with a mean of their own.
        func array(_ numbers: inout TestNumbers, _ range: ClosedRange<Float> = -2...2) -> StoredNumbers {
            let values = numbers.floats(count, range).enumerated().map { isPadding($0) ? 0 : $1 }
            return StoredNumbers(values, type)
        }
    }

    private static let cases: [Case] = [
        (7, 1, 1, 0), (9, 3, 1, 0), (40, 16, 1, 0), (300, 37, 1, 0), (2, 3, 7, 0), (3, 2, 64, 0),
        (5, 4, 100, 0), (2, 2, 5000, 0), (60, 3, 49, 0), (3, 16, 9, 16), (2, 20, 5, 16), (2, 3, 300, 16),
        (4, 8, 7, 8), (3, 11, 9, 8), (2, 8, 700, 8),
    ].flatMap { samples, channels, positions, block in
        [LK_FLOAT32, LK_BFLOAT16].flatMap { type in
            [(false, false), (true, false), (true, true)].map {
                Case(
                    samples: samples, channels: channels, positions: positions, block: block, type: type,
                    isFused: $0.0, isFixed: $0.1)
            }
        }
    }

    private func forward(_ test: Case, twin: Bool, statisticsAlone: Bool = false) -> [StoredNumbers] {
        var numbers = TestNumbers(test.count)
        let (x, residual) = (test.array(&numbers, 4...7), test.array(&numbers))
        let factors = (0..<4).map {
            StoredNumbers(numbers.floats(test.channels, $0 < 3 ? -2...2 : 0.5...2), LK_FLOAT32)
        }
        let y = StoredNumbers(count: test.count, test.type)
        let statistics = (0..<3).map { _ in StoredNumbers(count: test.channels, LK_FLOAT32) }
        var workspace = [Float](repeating: .nan, count: Int(LK_BATCH_NORM_WORKSPACE))
        var call = lk_batch_norm_arguments()
        (call.groups, call.epsilon, call.is_relu) = (test.groups, 1e-5, test.isFused ? 1 : 0)
        (call.x, call.y) = (UnsafeRawPointer(x.pointer), statisticsAlone ? nil : y.pointer)
        if test.isFused { call.residual = UnsafeRawPointer(residual.pointer) }
        (call.scale, call.shift) = (UnsafePointer(factors[0].floats), UnsafePointer(factors[1].floats))
        if test.isFixed {
            (call.fixed_mean, call.fixed_variance) = (
                UnsafePointer(factors[2].floats), UnsafePointer(factors[3].floats)
            )
        } else {
            (call.mean, call.inverse, call.variance) = (
                statistics[0].floats, statistics[1].floats, statistics[2].floats
            )
        }
        (call.x_type, call.residual_type, call.y_type) = (test.type, test.type, test.type)
        workspace.withUnsafeMutableBufferPointer {
            call.workspace = $0.baseAddress
            twin ? lkr_batch_norm(&call) : lk_batch_norm(&call)
        }
        withExtendedLifetime((x, residual, factors)) {}
        return [y] + statistics
    }

    /// Which half of a gradient is computed: all of it, the sums, or dx from sums over more than this batch.
    private enum Part { case whole, sums, fromTotals }

    private func backward(_ test: Case, twin: Bool, _ part: Part = .whole) -> [StoredNumbers] {
        var numbers = TestNumbers(test.count)
        let (dy, x, saved) = (test.array(&numbers), test.array(&numbers), test.array(&numbers))
        let factors = (0..<3).map {
            StoredNumbers(numbers.floats(test.channels, $0 == 1 ? 0.5...2 : -2...2), LK_FLOAT32)
        }
        let images = (0..<2).map { _ in StoredNumbers(count: test.count, test.type) }
        let gradients = (0..<2).map { _ in StoredNumbers(count: test.channels, LK_FLOAT32) }
        var workspace = [Float](repeating: .nan, count: Int(LK_BATCH_NORM_WORKSPACE))
        var call = lk_batch_norm_gradient_arguments()
        call.groups = test.groups
        (call.dy, call.x) = (UnsafeRawPointer(dy.pointer), UnsafeRawPointer(x.pointer))
        if test.isFused { (call.saved, call.kept) = (UnsafeRawPointer(saved.pointer), images[1].pointer) }
        (call.mean, call.inverse, call.scale) = (
            UnsafePointer(factors[0].floats), UnsafePointer(factors[1].floats),
            UnsafePointer(factors[2].floats)
        )
        let totals = (0..<2).map { _ in StoredNumbers(numbers.floats(test.channels, -9...9), LK_FLOAT32) }
        if part != .sums { call.dx = images[0].pointer }
        if part == .fromTotals {
            call.total_count = 1234
            (call.total_dscale, call.total_dshift) = (
                UnsafePointer(totals[0].floats), UnsafePointer(totals[1].floats)
            )
        } else {
            (call.dscale, call.dshift) = (gradients[0].floats, gradients[1].floats)
        }
        (call.dy_type, call.x_type, call.saved_type) = (test.type, test.type, test.type)
        (call.dx_type, call.kept_type) = (test.type, test.type)
        workspace.withUnsafeMutableBufferPointer {
            call.workspace = $0.baseAddress
            twin ? lkr_batch_norm_gradient(&call) : lk_batch_norm_gradient(&call)
        }
        withExtendedLifetime((dy, x, saved, factors, totals)) {}
        return images + gradients
    }

    @Test(arguments: [true, false]) func clonesAndTwin(isForward: Bool) {
        for test in Self.cases where isForward || !test.isFixed {
            func run(twin: Bool) -> [StoredNumbers] {
                isForward ? forward(test, twin: twin) : backward(test, twin: twin)
            }
            let expected = run(twin: true)
            var first: [[UInt32]]?
            withEachInstructionSet { set in
                let results = run(twin: false)
                for (number, (ours, theirs)) in zip(results, expected).enumerated() {
                    let tolerance: Float = ours.type == LK_BFLOAT16 ? 8e-3 : 1e-5
                    let off = distance(ours.values, theirs.values)
                    #expect(ours.isIntact && off <= tolerance, "\(test), result \(number): off by \(off)")
                    guard ours.count == test.count, number == 0 else { continue }
                    let padding = ours.values.enumerated().filter { test.isPadding($0.offset) }
                    #expect(padding.allSatisfy { $0.element == 0 }, "\(test): padding")
                }
                let all = results.map { bits($0.values) }
                #expect(first ?? all == all, "\(test), set \(set.rawValue)")
                first = first ?? all
            }
        }
    }

    /// The halves that synchronized batch norm calls one by one: statistics and sums have the bits of the whole.
    @Test func halvesOfTheWhole() {
        for test in Self.cases where !test.isFixed {
            let (whole, half) = (
                forward(test, twin: false), forward(test, twin: false, statisticsAlone: true)
            )
            #expect(half[0].values == StoredNumbers(count: test.count, test.type).values, "\(test)")
            for number in 1...3 { #expect(half[number].values == whole[number].values, "\(test)") }
            let (gradient, sums) = (backward(test, twin: false), backward(test, twin: false, .sums))
            #expect(sums[0].values == StoredNumbers(count: test.count, test.type).values, "\(test)")
            for number in 1...3 { #expect(sums[number].values == gradient[number].values, "\(test)") }
        }
    }

    @Test func gradientFromTotals() {
        for test in Self.cases where !test.isFixed && !test.isFused {
            let expected = backward(test, twin: true, .fromTotals)[0].values
            var first: [Float]?
            withEachInstructionSet { set in
                let ours = backward(test, twin: false, .fromTotals)[0].values
                let tolerance: Float = test.type == LK_BFLOAT16 ? 8e-3 : 1e-5
                #expect(distance(ours, expected) < tolerance, "\(test), set \(set.rawValue)")
                #expect(first ?? ours == ours, "\(test), set \(set.rawValue)")
                first = first ?? ours
            }
        }
    }

    @Test(arguments: awkwardCounts) func runningStatistics(count: Int) {
        var numbers = TestNumbers(count)
        let (old, sum) = (numbers.floats(count), numbers.floats(count))
        var (ours, theirs) = (GuardedFloats(old), GuardedFloats(old))
        theirs.withPointer { lkr_follow($0, sum, 0.25, 0.1, count) }
        withEachInstructionSet { _ in
            ours = GuardedFloats(old)
            ours.withPointer { lk_follow($0, sum, 0.25, 0.1, count) }
            #expect(ours.isIntact && distance(ours.values, theirs.values) < 2e-7)
        }
    }
}
