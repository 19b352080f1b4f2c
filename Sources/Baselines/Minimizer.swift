/// Finds the least value of a smooth convex function by the limited-memory BFGS method (Liu and Nocedal 1989; the two
/// loops of Nocedal and Wright, Numerical Optimization, algorithm 7.4), with steps that are halved until they descend
/// enough.
struct Minimizer {
    /// Pairs of steps and changes of the gradient that are remembered.
    var memory = 10
    var maximumIterations = 1_000
    /// It ends where no element of the gradient is larger.
    var tolerance: Double

    private struct Pair {
        var step: [Double]
        var change: [Double]
        var product: Double
    }

    /// Minimizes from a place on.
    /// - Parameter function: the value at a place, writing the gradient there.
    func minimize(
        from start: [Double], _ function: (_ place: [Double], _ gradient: inout [Double]) -> Double
    ) -> [Double] {
        var place = start
        var gradient = [Double](repeating: 0, count: start.count)
        var value = function(place, &gradient)
        var pairs: [Pair] = []
        for _ in 0..<maximumIterations {
            guard gradient.contains(where: { abs($0) > tolerance }) else { break }
            let direction = direction(gradient, pairs)
            let slope = Self.dot(direction, gradient)
            guard slope < 0 else { break }
            // Without a memory the gradient's length says nothing of that of a good step.
            var length = pairs.isEmpty ? min(1, 1 / Self.dot(gradient, gradient).squareRoot()) : 1
            var next = place
            var nextGradient = gradient
            var nextValue = value
            var isLower = false
            for _ in 0..<40 {
                for index in place.indices { next[index] = place[index] + length * direction[index] }
                nextValue = function(next, &nextGradient)
                if nextValue <= value + 1e-4 * length * slope {
                    isLower = true
                    break
                }
                length /= 2
            }
            // Nothing lower can be told apart from here in double precision.
            guard isLower else { break }
            let step = zip(next, place).map { $0 - $1 }
            let change = zip(nextGradient, gradient).map { $0 - $1 }
            let product = Self.dot(step, change)
            if product > 0 { pairs.append(Pair(step: step, change: change, product: product)) }
            if pairs.count > memory { pairs.removeFirst() }
            (place, gradient, value) = (next, nextGradient, nextValue)
        }
        return place
    }

    /// The gradient against the approximate curvature.
    private func direction(_ gradient: [Double], _ pairs: [Pair]) -> [Double] {
        var result = gradient.map { -$0 }
        var shares = [Double](repeating: 0, count: pairs.count)
        for index in pairs.indices.reversed() {
            shares[index] = Self.dot(pairs[index].step, result) / pairs[index].product
            Self.add(-shares[index], pairs[index].change, to: &result)
        }
        if let last = pairs.last {
            let scale = last.product / Self.dot(last.change, last.change)
            for index in result.indices { result[index] *= scale }
        }
        for index in pairs.indices {
            let share = Self.dot(pairs[index].change, result) / pairs[index].product
            Self.add(shares[index] - share, pairs[index].step, to: &result)
        }
        return result
    }

    private static func dot(_ left: [Double], _ right: [Double]) -> Double {
        var sum = 0.0
        for index in left.indices { sum += left[index] * right[index] }
        return sum
    }

    private static func add(_ factor: Double, _ values: [Double], to result: inout [Double]) {
        for index in values.indices { result[index] += factor * values[index] }
    }
}
