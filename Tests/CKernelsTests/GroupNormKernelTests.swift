import CKernels
import Testing

/// Group norm: clones give the same bits, the twin's numbers, and write nothing outside; float32 and bfloat16.
@Suite struct GroupNormKernelTests {
    private typealias Case = (samples: Int, channels: Int, positions: Int, groups: Int, type: lk_type)

    private static let cases: [Case] = [
        (3, 4, 1, 2), (2, 6, 7, 3), (2, 3, 16, 3), (1, 8, 17, 1), (5, 2, 100, 1), (2, 32, 49, 4),
    ].flatMap { samples, channels, positions, groups in
        [LK_FLOAT32, LK_BFLOAT16].map { (samples, channels, positions, groups, $0) }
    }

    private func workspace(_ test: Case) -> [Float] {
        let width = test.channels / test.groups * test.positions
        return [Float](repeating: .nan, count: 3 * ((width + 15) / 16 * 16))
    }

    private func forward(_ test: Case, twin: Bool) -> [StoredNumbers] {
        var numbers = TestNumbers(test.channels)
        let count = test.samples * test.channels * test.positions
        let x = StoredNumbers(numbers.floats(count, 3...6), test.type)
        let factors = (0..<2).map { _ in StoredNumbers(numbers.floats(test.channels), LK_FLOAT32) }
        let y = StoredNumbers(count: count, test.type)
        let statistics = (0..<2).map { _ in StoredNumbers(count: test.samples * test.groups, LK_FLOAT32) }
        var workspace = workspace(test)
        var call = lk_group_norm_arguments()
        (call.samples, call.channels, call.positions) = (test.samples, test.channels, test.positions)
        (call.groups, call.epsilon) = (test.groups, 1e-5)
        (call.x, call.y) = (UnsafeRawPointer(x.pointer), y.pointer)
        (call.scale, call.shift) = (UnsafePointer(factors[0].floats), UnsafePointer(factors[1].floats))
        (call.mean, call.inverse) = (statistics[0].floats, statistics[1].floats)
        (call.x_type, call.y_type) = (test.type, test.type)
        workspace.withUnsafeMutableBufferPointer {
            call.workspace = $0.baseAddress
            twin ? lkr_group_norm(&call) : lk_group_norm(&call)
        }
        withExtendedLifetime((x, factors)) {}
        return [y] + statistics
    }

    private func backward(_ test: Case, twin: Bool) -> [StoredNumbers] {
        var numbers = TestNumbers(test.channels)
        let (count, rows) = (test.samples * test.channels * test.positions, test.samples * test.groups)
        let images = (0..<2).map { _ in StoredNumbers(numbers.floats(count), test.type) }
        let mean = StoredNumbers(numbers.floats(rows), LK_FLOAT32)
        let inverse = StoredNumbers(numbers.floats(rows, 0.5...2), LK_FLOAT32)
        let scale = StoredNumbers(numbers.floats(test.channels), LK_FLOAT32)
        let dx = StoredNumbers(count: count, test.type)
        let gradients = (0..<2).map { _ in StoredNumbers(count: test.channels, LK_FLOAT32) }
        var workspace = workspace(test)
        var call = lk_group_norm_gradient_arguments()
        (call.samples, call.channels, call.positions) = (test.samples, test.channels, test.positions)
        call.groups = test.groups
        (call.dy, call.x) = (UnsafeRawPointer(images[0].pointer), UnsafeRawPointer(images[1].pointer))
        (call.mean, call.inverse) = (UnsafePointer(mean.floats), UnsafePointer(inverse.floats))
        (call.scale, call.dx) = (UnsafePointer(scale.floats), dx.pointer)
        (call.dscale, call.dshift) = (gradients[0].floats, gradients[1].floats)
        (call.dy_type, call.x_type, call.dx_type) = (test.type, test.type, test.type)
        workspace.withUnsafeMutableBufferPointer {
            call.workspace = $0.baseAddress
            twin ? lkr_group_norm_gradient(&call) : lk_group_norm_gradient(&call)
        }
        withExtendedLifetime((images, mean, inverse, scale)) {}
        return [dx] + gradients
    }

    @Test(arguments: [true, false]) func clonesAndTwin(isForward: Bool) {
        for test in Self.cases {
            func run(twin: Bool) -> [StoredNumbers] {
                isForward ? forward(test, twin: twin) : backward(test, twin: twin)
            }
            let expected = run(twin: true)
            var first: [[UInt32]]?
            withEachInstructionSet { set in
                let results = run(twin: false)
                for (ours, theirs) in zip(results, expected) {
                    let tolerance: Float = ours.type == LK_BFLOAT16 ? 8e-3 : 1e-5
                    let off = distance(ours.values, theirs.values)
                    #expect(ours.isIntact && off <= tolerance, "\(test): off by \(off)")
                }
                let all = results.map { bits($0.values) }
                #expect(first ?? all == all, "\(test), set \(set.rawValue)")
                first = first ?? all
            }
        }
    }
}
