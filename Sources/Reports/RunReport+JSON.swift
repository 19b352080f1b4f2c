import Foundation
import Metrics

/// The report as one object of JSON: the metrics by their names, with curves and calibration under `details`, and what
/// was evaluated.
private struct ReportDocument: Encodable {
    let report: RunReport

    private enum Key: String, CodingKey {
        case recipe, split, step, parameters, seconds, classNames, errors, warnings, files
    }

    func encode(to encoder: any Encoder) throws {
        try report.result.encode(to: encoder)
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(report.recipeName, forKey: .recipe)
        try values.encode(report.split, forKey: .split)
        try values.encode(report.step, forKey: .step)
        try values.encode(report.parameterCount, forKey: .parameters)
        try values.encode(report.wallSeconds, forKey: .seconds)
        if !report.classNames.isEmpty { try values.encode(report.classNames, forKey: .classNames) }
        if let errors = report.wrongSamples {
            try values.encode(
                errors.map { WrongSampleDocument(sample: $0, names: report.classNames) }, forKey: .errors)
        }
        if !report.warnings.isEmpty { try values.encode(report.warnings, forKey: .warnings) }
        let files = report.files.map { ($0.name, $0.path) }
        try values.encode(Dictionary(files, uniquingKeysWith: { $1 }), forKey: .files)
    }
}

private struct WrongSampleDocument: Encodable {
    let sample: RunReport.WrongSample
    let names: [String]

    private enum Key: String, CodingKey { case place, text, trueName, predictedName }

    func encode(to encoder: any Encoder) throws {
        try sample.mistake.encode(to: encoder)
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(sample.place, forKey: .place)
        try values.encodeIfPresent(sample.text, forKey: .text)
        try values.encodeIfPresent(name(sample.mistake.trueClass), forKey: .trueName)
        try values.encodeIfPresent(name(sample.mistake.predictedClass), forKey: .predictedName)
    }

    private func name(_ label: Int?) -> String? { label.map { $0 < names.count ? names[$0] : String($0) } }
}

extension RunReport {
    /// The report as JSON with sorted keys; numbers that JSON lacks are the strings `nan`, `inf` and `-inf`.
    public func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return Array(try encoder.encode(ReportDocument(report: self))) + [0x0a]
    }

    /// Writes the report as JSON, replacing an older file.
    /// - Throws: 74 where it cannot be written.
    public func writeJSON(to path: String) throws { try OutputFile.replace(path, with: try json()) }
}
