import CKernels
import Testing

@Suite struct OptimizerKernelTests {
    private let terms = lk_gradient_terms(scale: 0.125, decay: 0.01, l1: 0.003)

    /// Three updates with all clones and the twin, over values with zeros and both signs.
    private func compare(
        count: Int, arrays: Int, twin: ([UnsafeMutablePointer<Float>], [Float]) -> Void,
        kernel: ([UnsafeMutablePointer<Float>], [Float]) -> Void, location: SourceLocation = #_sourceLocation
    ) {
        var numbers = TestNumbers(count)
        var start = [numbers.floats(count)]
        start[0][0] = 0
        let gradients = (0..<3).map { _ in numbers.floats(count) }
        start += (1..<max(arrays, 1)).map { _ in [Float](repeating: 0, count: count) }
        func run(_ update: ([UnsafeMutablePointer<Float>], [Float]) -> Void) -> [[Float]] {
            var state = start.map(GuardedFloats.init)
            for gradient in gradients { apply(update, &state, gradient) }
            #expect(state.allSatisfy { $0.isIntact }, sourceLocation: location)
            return state.map(\.values)
        }
        let expected = run(twin)
        var first: [[Float]]?
        withEachInstructionSet { set in
            let result = run(kernel)
            for (ours, theirs) in Swift.zip(result, expected) {
                #expect(distance(ours, theirs) < 2e-6, "set \(set.rawValue)", sourceLocation: location)
            }
            #expect(
                (first ?? result).map(bits) == result.map(bits), "set \(set.rawValue)",
                sourceLocation: location)
            first = first ?? result
        }
    }

    private func apply(
        _ update: ([UnsafeMutablePointer<Float>], [Float]) -> Void, _ state: inout [GuardedFloats],
        _ gradient: [Float]
    ) {
        let pointers = state.map { array in
            var copy = array
            let pointer = UnsafeMutablePointer<Float>.allocate(capacity: array.count + 64)
            copy.withPointer { pointer.update(from: $0 - 32, count: array.count + 64) }
            return pointer
        }
        update(pointers.map { $0 + 32 }, gradient)
        for index in state.indices {
            let count = state[index].count + 64
            state[index].withPointer { ($0 - 32).update(from: pointers[index], count: count) }
            pointers[index].deallocate()
        }
    }

    @Test(arguments: awkwardCounts) func adam(count: Int) {
        var call = lk_adam_arguments(
            terms: terms, beta2: 0.99, epsilon: 1e-8, share1: 0.1, share2: 0.01, keep: 0.999, step_size: 0.01,
            inverse_root_bias2: 3)
        compare(count: count, arrays: 3) {
            lkr_adam(&call, $0[0], $1, $0[1], $0[2], count)
        } kernel: {
            lk_adam(&call, $0[0], $1, $0[1], $0[2], count)
        }
    }

    @Test(arguments: awkwardCounts, [Float(0), 0.9]) func sgd(count: Int, momentum: Float) {
        for nesterov: Int32 in [0, 1] {
            var call = lk_sgd_arguments(terms: terms, rate: 0.1, momentum: momentum, is_nesterov: nesterov)
            compare(count: count, arrays: momentum == 0 ? 1 : 2) {
                lkr_sgd(&call, $0[0], $1, $0.count > 1 ? $0[1] : nil, count)
            } kernel: {
                lk_sgd(&call, $0[0], $1, $0.count > 1 ? $0[1] : nil, count)
            }
        }
    }

    @Test(arguments: awkwardCounts, [Float(0), 0.9]) func rmsprop(count: Int, momentum: Float) {
        var call = lk_rmsprop_arguments(
            terms: terms, rate: 0.01, decay: 0.99, epsilon: 1e-8, momentum: momentum, share: 0.01)
        compare(count: count, arrays: momentum == 0 ? 2 : 3) {
            lkr_rmsprop(&call, $0[0], $1, $0[1], $0.count > 2 ? $0[2] : nil, count)
        } kernel: {
            lk_rmsprop(&call, $0[0], $1, $0[1], $0.count > 2 ? $0[2] : nil, count)
        }
    }

    /// Arena padding has zero value, gradient and state: it must stay zero.
    @Test func zerosStayZeros() {
        let count = 33
        let zeros = [Float](repeating: 0, count: count)
        withEachInstructionSet { _ in
            var (p, m, v) = (zeros, zeros, zeros)
            var adam = lk_adam_arguments(
                terms: terms, beta2: 0.999, epsilon: 1e-8, share1: 0.1, share2: 0.001, keep: 0.9,
                step_size: 0.1,
                inverse_root_bias2: 2)
            lk_adam(&adam, &p, zeros, &m, &v, count)
            var sgd = lk_sgd_arguments(terms: terms, rate: 0.1, momentum: 0.9, is_nesterov: 1)
            lk_sgd(&sgd, &p, zeros, &m, count)
            var rmsprop = lk_rmsprop_arguments(
                terms: terms, rate: 0.1, decay: 0.9, epsilon: 1e-8, momentum: 0.9, share: 0.1)
            lk_rmsprop(&rmsprop, &p, zeros, &v, &m, count)
            #expect(p == zeros && m == zeros && v == zeros)
        }
    }

    @Test(arguments: [1, 5, 16, 1023, 1024, 1025, 3000], [1, 2, 3, 5, 8]) func treeSums(
        count: Int, sources: Int
    ) {
        var numbers = TestNumbers(count + sources)
        let arrays = (0..<sources).map { _ in numbers.floats(count) }
        // A left-leaning tree: ((0 + 1) + 2) + …
        let program: [Int32] = [0] + (1..<max(1, sources)).flatMap { [Int32($0), -1] }
        let chunks = (count + Int(LK_CHUNK) - 1) / Int(LK_CHUNK)
        let pointers = arrays.map { array in
            let pointer = UnsafeMutablePointer<Float>.allocate(capacity: count)
            pointer.update(from: array, count: count)
            return UnsafePointer<Float>?(pointer)
        }
        defer { pointers.forEach { $0?.deallocate() } }
        var expected = GuardedFloats(count: count)
        var expectedSquares = [Double](repeating: 0, count: chunks)
        expected.withPointer { lkr_tree_sum(pointers, program, program.count, $0, count, &expectedSquares) }
        var first: [Double]?
        withEachInstructionSet { _ in
            var result = GuardedFloats(count: count)
            var squares = [Double](repeating: -1, count: chunks)
            result.withPointer { lk_tree_sum(pointers, program, program.count, $0, count, &squares) }
            // Float32 additions in the same order: the very same bits as the twin.
            #expect(result.isIntact && bits(result.values) == bits(expected.values))
            for (ours, theirs) in Swift.zip(squares, expectedSquares) {
                #expect(abs(ours - theirs) <= 1e-12 * max(1, theirs))
            }
            #expect(first ?? squares == squares)
            first = first ?? squares
            // The result may lie in a source.
            let target = UnsafeMutablePointer(mutating: pointers[0]!)
            lk_tree_sum(pointers, program, program.count, target, count, nil)
            #expect(bits(Array(UnsafeBufferPointer(start: target, count: count))) == bits(expected.values))
            target.update(from: arrays[0], count: count)
        }
    }
}
