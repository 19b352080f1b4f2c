/// Samples as rows of features, of which only those that are not 0 are kept.
public struct FeatureMatrix: Sendable {
    /// The number of features.
    public let featureCount: Int
    /// Where each row begins in ``columns`` and ``values``, and at the end where the last one ends.
    private(set) var rowStarts = [0]
    private(set) var columns: [Int32] = []
    private(set) var values: [Float] = []

    /// A matrix without rows.
    public init(featureCount: Int) { self.featureCount = featureCount }

    /// The number of rows.
    public var rowCount: Int { rowStarts.count - 1 }
    /// The number of values that are kept.
    public var storedCount: Int { values.count }

    /// Adds a row of all its features.
    public mutating func append(_ row: [Float]) {
        append(row.enumerated().lazy.filter { $0.element != 0 }.map { (Int32($0.offset), $0.element) })
    }

    /// Adds a row of features by number, each at most once.
    public mutating func append(_ row: some Sequence<(column: Int32, value: Float)>) {
        for (column, value) in row {
            columns.append(column)
            values.append(value)
        }
        rowStarts.append(values.count)
    }

    /// Every column less its mean and divided by its deviation (of a population), both of this matrix; constant ones
    /// become 0. Rows of another matrix are scaled the same way.
    func standardization() -> Standardization { Standardization(self) }
}

/// The means and deviations of columns.
struct Standardization: Sendable {
    private let means: [Double]
    private let factors: [Double]

    init(_ matrix: FeatureMatrix) {
        let count = Double(max(1, matrix.rowCount))
        var sums = [Double](repeating: 0, count: matrix.featureCount)
        for (column, value) in zip(matrix.columns, matrix.values) { sums[Int(column)] += Double(value) }
        let means = sums.map { $0 / count }
        // What is not kept is 0, as far from the mean as the mean itself.
        var squares = means.map { $0 * $0 * count }
        for (column, value) in zip(matrix.columns, matrix.values) {
            let mean = means[Int(column)]
            squares[Int(column)] += (Double(value) - mean) * (Double(value) - mean) - mean * mean
        }
        self.means = means
        factors = squares.map { $0 > 0 ? 1 / ($0 / count).squareRoot() : 0 }
    }

    func apply(_ matrix: FeatureMatrix) -> FeatureMatrix {
        var result = FeatureMatrix(featureCount: matrix.featureCount)
        for row in 0..<matrix.rowCount {
            var dense = [Float](repeating: 0, count: matrix.featureCount)
            for place in matrix.rowStarts[row]..<matrix.rowStarts[row + 1] {
                dense[Int(matrix.columns[place])] = matrix.values[place]
            }
            for column in dense.indices {
                dense[column] = Float((Double(dense[column]) - means[column]) * factors[column])
            }
            result.append(dense)
        }
        return result
    }
}
