import Diagnostics

/// Learns a ``FittedTable`` from the rows of the training split, in at most four passes over them.
struct TableFitter {
    /// Categories or classes beyond this number mean that the wrong column was named.
    static let maximumDistinctCount = 65_536
    /// Memory for the values of the columns whose median or most frequent value is sought, in bytes.
    static let valueByteLimit = 256 << 20

    private let schema: TableSchema
    private let source: CSVSource
    private let features: [(column: Int, isCategorical: Bool)]
    private let labelColumn: Int
    private let slots: [Int]

    init(schema: TableSchema, source: CSVSource) throws {
        self.schema = schema
        self.source = source
        (features, labelColumn) = try schema.resolve(in: source)
        var slots = Array(repeating: -1, count: source.columnCount)
        for (slot, feature) in features.enumerated() { slots[feature.column] = slot }
        self.slots = slots
    }

    func fit(rows: [Int]) throws -> FittedTable {
        try source.check(rows)
        var rows = rows
        if schema.missing.policy == .drop {
            rows = try source.rows(
                rows, withoutMissingIn: features.map(\.column) + [labelColumn], schema.missing)
        }
        guard !rows.isEmpty else {
            throw LockstepError(
                .badData, "the training split has no usable row", at: FileLocation(source.files[0].path))
        }
        let summaries = try summarize(rows)
        let fills = try fills(rows, summaries.numbers)
        let centered = schema.scaling == .standard ? try squares(rows, summaries.numbers, fills) : []
        let columns = try features.indices.map { slot in
            let identity = ColumnIdentity(source, features[slot].column)
            if features[slot].isCategorical {
                let encoding = try oneHot(summaries.categories[slot], column: features[slot].column)
                return FittedTable.Column(identity: identity, encoding: encoding)
            }
            let (center, scale) = scaling(
                summaries.numbers[slot].filled(with: fills[slot]),
                variance: centered.isEmpty ? 0 : centered[slot])
            return FittedTable.Column(
                identity: identity, encoding: .number(center: center, scale: scale, fill: fills[slot]))
        }
        return FittedTable(
            columns: columns, label: try label(summaries.classes), missing: schema.missing,
            trainedColumnCount: source.columnCount)
    }
}

/// The running statistics of a numeric column.
struct NumberSummary {
    var count = 0
    var missingCount = 0
    var sum = 0.0
    var minimum = Double.infinity
    var maximum = -Double.infinity

    mutating func add(_ value: Double) {
        count += 1
        sum += value
        minimum = Swift.min(minimum, value)
        maximum = Swift.max(maximum, value)
    }

    var mean: Double { sum / Double(count) }

    /// The same column once its missing values are replaced. A replacement lies between minimum and maximum.
    func filled(with fill: Double?) -> NumberSummary {
        var copy = self
        copy.count += missingCount
        copy.sum += Double(missingCount) * (fill ?? 0)
        return copy
    }
}

extension TableFitter {
    private struct Summaries {
        var numbers: [NumberSummary]
        var categories: [[String: Int]]
        var classes: Set<String> = []
    }

    /// The value of a numeric field, nil where it is missing.
    private func number(_ field: CSVField, row: Int) throws -> Double? {
        if schema.missing.matches(field) {
            guard schema.missing.policy != .refuse else { throw source.missingError(field, row: row) }
            return nil
        }
        guard let number = field.number else { throw source.notANumberError(field, row: row) }
        return number
    }

    /// First pass: sums, extremes, categories and classes.
    private func summarize(_ rows: [Int]) throws -> Summaries {
        var result = Summaries(
            numbers: Array(repeating: NumberSummary(), count: features.count),
            categories: Array(repeating: [:], count: features.count))
        for row in rows {
            try source.forEachField(ofRow: row) { field in
                let slot = slots[field.column]
                if field.column == labelColumn {
                    try noteLabel(field, row: row, in: &result.classes)
                } else if slot >= 0, features[slot].isCategorical {
                    try noteCategory(field, row: row, in: &result.categories[slot])
                } else if slot >= 0 {
                    if let value = try number(field, row: row) {
                        result.numbers[slot].add(value)
                    } else {
                        result.numbers[slot].missingCount += 1
                    }
                }
            }
        }
        return result
    }

    private func noteLabel(_ field: CSVField, row: Int, in classes: inout Set<String>) throws {
        guard !schema.missing.matches(field) else {
            throw source.error(
                "the label is missing", row: row, field: field,
                remedy: "take the row out, or drop missing values")
        }
        guard schema.labelKind != .number else {
            guard field.number != nil else { throw source.notANumberError(field, row: row) }
            return
        }
        classes.insert(field.text)
        guard classes.count <= Self.maximumDistinctCount else {
            throw tooManyError("classes", column: labelColumn, remedy: "use a label of kind number")
        }
    }

    private func noteCategory(_ field: CSVField, row: Int, in counts: inout [String: Int]) throws {
        if schema.missing.matches(field) {
            guard schema.missing.policy != .refuse else { throw source.missingError(field, row: row) }
            return
        }
        counts[field.text, default: 0] += 1
        guard counts.count <= Self.maximumDistinctCount else {
            throw tooManyError("categories", column: field.column, remedy: "drop the column")
        }
    }

    private func tooManyError(_ what: String, column: Int, remedy: String) -> LockstepError {
        let name = source.columnName(column)
        return LockstepError(
            .badData, "column \(name) has more than \(Self.maximumDistinctCount) different \(what)",
            at: FileLocation(source.files[0].path), remedy: remedy)
    }

    /// What stands for a missing value in each numeric column, missing now or only later.
    private func fills(_ rows: [Int], _ summaries: [NumberSummary]) throws -> [Double?] {
        var fills = Array<Double?>(repeating: nil, count: features.count)
        let numeric = features.indices.filter { !features[$0].isCategorical }
        for slot in numeric where summaries[slot].count == 0 {
            throw LockstepError(
                .badData, "column \(source.columnName(features[slot].column)) has no known value",
                at: FileLocation(source.files[0].path), remedy: "drop the column")
        }
        switch schema.missing.policy {
        case .refuse, .drop: break
        case .mean: for slot in numeric { fills[slot] = summaries[slot].mean }
        case .median, .mostFrequent:
            let groupSize = max(1, Self.valueByteLimit / (rows.count * MemoryLayout<Double>.stride))
            for start in stride(from: 0, to: numeric.count, by: groupSize) {
                let group = numeric[start..<min(start + groupSize, numeric.count)]
                for (slot, values) in zip(group, try sortedValues(rows, Array(group))) {
                    fills[slot] =
                        schema.missing.policy == .median ? Self.median(values) : Self.mostFrequent(values)
                }
            }
        }
        return fills
    }

    private func sortedValues(_ rows: [Int], _ group: [Int]) throws -> [[Double]] {
        var values = Array(repeating: [Double](), count: group.count)
        for row in rows {
            try source.forEachField(ofRow: row) { field in
                guard let place = group.firstIndex(of: slots[field.column]) else { return }
                if let value = try number(field, row: row) { values[place].append(value) }
            }
        }
        return values.map { $0.sorted() }
    }

    static func median(_ sorted: [Double]) -> Double {
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// The most frequent value, of several the smallest.
    static func mostFrequent(_ sorted: [Double]) -> Double {
        var best = (value: sorted[0], count: 0)
        var run = (value: sorted[0], count: 0)
        for value in sorted {
            run = value == run.value ? (value, run.count + 1) : (value, 1)
            if run.count > best.count { best = run }
        }
        return best.value
    }

    /// Last pass: each numeric column's population variance, by the corrected two-pass formula of Chan, Golub
    /// and LeVeque (1983), as scikit-learn computes it.
    private func squares(_ rows: [Int], _ summaries: [NumberSummary], _ fills: [Double?]) throws -> [Double] {
        let means = features.indices.map { summaries[$0].filled(with: fills[$0]).mean }
        var squares = Array(repeating: 0.0, count: features.count)
        var remainders = squares
        for row in rows {
            try source.forEachField(ofRow: row) { field in
                let slot = slots[field.column]
                guard slot >= 0, !features[slot].isCategorical else { return }
                let deviation = (try number(field, row: row) ?? fills[slot] ?? 0) - means[slot]
                squares[slot] += deviation * deviation
                remainders[slot] += deviation
            }
        }
        let count = Double(rows.count)
        return zip(squares, remainders).map { ($0 - $1 * $1 / count) / count }
    }

    /// Center and scale of a column whose missing values are replaced.
    private func scaling(_ summary: NumberSummary, variance: Double) -> (center: Double, scale: Double) {
        switch schema.scaling {
        case .none: return (0, 1)
        case .minMax:
            let range = summary.maximum - summary.minimum
            return (summary.minimum, range > 10 * Double.ulpOfOne ? range : 1)
        case .standard:
            // scikit-learn's test for a constant column: what rounding alone may leave as variance.
            let count = Double(summary.count)
            let rounding = count * summary.mean * Double.ulpOfOne
            let bound = count * Double.ulpOfOne * variance + rounding * rounding
            return (summary.mean, variance > bound ? variance.squareRoot() : 1)
        }
    }

    private func oneHot(_ counts: [String: Int], column: Int) throws -> FittedTable.Encoding {
        let categories = counts.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        guard !categories.isEmpty else {
            throw LockstepError(
                .badData, "column \(source.columnName(column)) has no known category",
                at: FileLocation(source.files[0].path), remedy: "drop the column")
        }
        let replaces = schema.missing.policy != .refuse && schema.missing.policy != .drop
        let highest = counts.values.max()
        return .oneHot(
            categories: categories, fill: replaces ? categories.first { counts[$0] == highest } : nil)
    }

    private func label(_ classes: Set<String>) throws -> FittedLabel {
        let identity = ColumnIdentity(source, labelColumn)
        switch schema.labelKind {
        case .number: return FittedLabel(column: identity, kind: .number, classNames: [])
        case .classes(let names):
            return try FittedLabel.classes(classes, column: identity, names: names, in: source)
        }
    }
}
