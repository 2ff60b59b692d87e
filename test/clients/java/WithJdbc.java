import java.io.IOException;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.JDBCType;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.TimeZone;
import java.util.UUID;

import org.postgresql.PGConnection;
import org.postgresql.util.PSQLException;

/** The PostgreSQL JDBC driver: metadata, prepared statements, cursors, cancel; and the tools that use it. */
public final class WithJdbc {
    private static final UUID CLIENT = UUID.fromString(System.getenv("WFM_CLIENT"));
    private static final String JOB = System.getenv("WFM_JOB");
    private static final int TABLES = Integer.parseInt(System.getenv("WFM_TABLES"));
    private static final int ROWS = Integer.parseInt(System.getenv("WFM_ROWS"));
    private static final int WINDOWS = Integer.parseInt(System.getenv("WFM_T"));
    private static final Tap TAP = new Tap();
    private static final Simulator SIMULATOR = new Simulator();

    private WithJdbc() {
    }

    /** A connection with driver properties, given as name and value by turns. */
    private static Connection connect(String... properties) throws SQLException {
        Properties all = new Properties();

        all.setProperty("user", System.getenv("PGUSER"));
        for (int i = 0; i < properties.length; i += 2) {
            all.setProperty(properties[i], properties[i + 1]);
        }
        return DriverManager.getConnection("jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
            + System.getenv("PGDATABASE"), all);
    }

    /** One column of a result. */
    private static List<String> column(ResultSet result, String name) throws SQLException {
        List<String> values = new ArrayList<>();

        while (result.next()) {
            values.add(result.getString(name));
        }
        result.close();
        return values;
    }

    private static List<String> query(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(sql)) {
            List<String> values = new ArrayList<>();

            while (result.next()) {
                values.add(result.getString(1));
            }
            return values;
        }
    }

    private static void metadata() throws Exception {
        long mark = SIMULATOR.mark();

        try (Connection connection = connect()) {
            DatabaseMetaData about = connection.getMetaData();
            List<String> tables = column(about.getTables(null, "acme", "%", new String[] {"FOREIGN TABLE"}), "TABLE_NAME");

            TAP.is(tables.size(), TABLES, "getTables: foreign tables");
            TAP.ok(tables.containsAll(List.of("client", "job", "staff", "time_entry")), "getTables: those we know", tables);
            TAP.is(column(about.getTables(null, "acme", "%", new String[] {"TABLE"}), "TABLE_NAME"), List.of(), "getTables: no plain tables");
            TAP.is(column(about.getTables(null, "acme", "time%", null), "TABLE_TYPE"), List.of("FOREIGN TABLE"), "getTables: by pattern, of any type");
            TAP.ok(column(about.getTables(null, "acme", "client", null), "REMARKS").get(0).contains("key: uuid"), "getTables: the comment names the key");
            TAP.is(column(about.getTables(null, "bi", "%", new String[] {"VIEW"}), "TABLE_NAME").size(), TABLES, "getTables: views");
            TAP.is(column(about.getTables(null, "copy", "%", new String[] {"MATERIALIZED VIEW"}), "TABLE_NAME"), List.of("client", "time_entry"), "getTables: materialized views");
            TAP.ok(column(about.getTableTypes(), "TABLE_TYPE").contains("FOREIGN TABLE"), "getTableTypes");
            TAP.ok(column(about.getSchemas(), "TABLE_SCHEM").containsAll(List.of("acme", "bi", "copy")), "getSchemas");
            columns(about);
            TAP.is(column(about.getPrimaryKeys(null, "acme", "client"), "COLUMN_NAME"), List.of(), "getPrimaryKeys: none");
            TAP.is(column(about.getImportedKeys(null, "acme", "job"), "FKCOLUMN_NAME"), List.of(), "getImportedKeys: none");
            TAP.is(column(about.getExportedKeys(null, "acme", "client"), "FKCOLUMN_NAME"), List.of(), "getExportedKeys: none");
            TAP.is(column(about.getIndexInfo(null, "acme", "client", false, true), "INDEX_NAME"), List.of(), "getIndexInfo: none");
            TAP.is(column(about.getIndexInfo(null, "copy", "client", true, true), "COLUMN_NAME"), List.of("uuid"), "getIndexInfo: the copy's unique index");
            TAP.is(column(about.getBestRowIdentifier(null, "acme", "client", DatabaseMetaData.bestRowSession, true), "COLUMN_NAME"), List.of(), "getBestRowIdentifier: none");
            TAP.ok(new HashSet<>(column(about.getTypeInfo(), "TYPE_NAME")).containsAll(Set.of("uuid", "numeric", "date", "text", "bool", "jsonb")), "getTypeInfo");
            TAP.ok(column(about.getTablePrivileges(null, "acme", "client"), "GRANTEE").contains("tool"), "getTablePrivileges");
            TAP.ok(column(about.getFunctions(null, null, "wfm_%"), "FUNCTION_NAME").contains("wfm_create_views"), "getFunctions");
        }
        TAP.is(SIMULATOR.callsSince(mark), 0, "metadata sends nothing");
    }

    private static void columns(DatabaseMetaData about) throws SQLException {
        Set<String> seen = new HashSet<>();

        try (ResultSet result = about.getColumns(null, "acme", "%", "%")) {
            while (result.next()) {
                seen.add(result.getString("TABLE_NAME") + "." + result.getString("COLUMN_NAME") + " " + JDBCType.valueOf(result.getInt("DATA_TYPE")) + " "
                    + result.getString("TYPE_NAME") + " " + result.getString("IS_NULLABLE"));
                if (result.getString("REMARKS") == null) {
                    TAP.ok(false, "getColumns: " + result.getString("TABLE_NAME") + "." + result.getString("COLUMN_NAME") + " has no comment");
                }
            }
        }
        for (String expected : List.of("client.uuid OTHER uuid YES", "client.name VARCHAR text YES", "client.is_archived BIT bool NO",
            "client._modified_since TIMESTAMP timestamptz YES", "job.budget NUMERIC numeric YES", "job.start_date DATE date YES",
            "time_entry.minutes INTEGER int4 YES", "time_entry.start_time TIME time YES")) {
            TAP.ok(seen.contains(expected), "getColumns: " + expected, seen.stream().filter(s -> s.startsWith(expected.split(" ")[0] + " ")).toList());
        }
    }

    private static void describing() throws Exception {
        long mark = SIMULATOR.mark();

        try (Connection connection = connect()) {
            try (PreparedStatement statement = connection.prepareStatement("SELECT uuid, is_archived, name FROM acme.client WHERE uuid = ? AND name > ?")) {
                ResultSetMetaData result = statement.getMetaData();
                ParameterMetaData parameters = statement.getParameterMetaData();

                TAP.is(result.getColumnCount(), 3, "columns are known before a statement runs");
                TAP.is(result.getColumnTypeName(1), "uuid", "the type of a column");
                TAP.is(result.getTableName(1), "client", "the table of a column");
                TAP.is(result.isNullable(2), ResultSetMetaData.columnNoNulls, "what cannot be NULL");
                TAP.is(parameters.getParameterTypeName(1) + " " + parameters.getParameterTypeName(2), "uuid text", "the types of parameters");
            }
            for (String none : List.of("SELECT * FROM acme.client WHERE 1 = 0", "SELECT * FROM acme.client LIMIT 0", "SELECT * FROM acme.client WHERE false AND name = 'x'")) {
                TAP.is(query(connection, none), List.of(), none);
            }
            for (String options : List.of("FORMAT JSON", "VERBOSE, FORMAT JSON", "FORMAT JSON, COSTS, SETTINGS")) {
                String plan = query(connection, "EXPLAIN (" + options + ") SELECT * FROM acme.job WHERE id = '" + JOB + "'").get(0);
                TAP.ok(plan.contains("\"Node Type\": \"Foreign Scan\"") && plan.contains("\"Request\":"), "EXPLAIN (" + options + ")", plan);
            }
        }
        TAP.is(SIMULATOR.callsSince(mark), 0, "none of it sends anything");
        try (Connection connection = connect()) {
            mark = SIMULATOR.mark();
            String plan = query(connection, "EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM acme.job WHERE id = '" + JOB + "'").get(0);
            TAP.ok(plan.contains("\"Calls\": 1"), "EXPLAIN ANALYZE tells what it sent", plan);
            TAP.is(SIMULATOR.callsSince(mark), 1, "which is one call");
        }
    }

    /** Statements that the driver names on the server after some uses. */
    private static void prepared() throws Exception {
        for (String mode : List.of("auto", "force_generic_plan")) {
            try (Connection connection = connect("prepareThreshold", "3", "options", "-c plan_cache_mode=" + mode)) {
                List<String> keys = query(connection, "SELECT uuid FROM copy.client ORDER BY uuid LIMIT 12");
                long mark = SIMULATOR.mark();

                try (PreparedStatement statement = connection.prepareStatement("SELECT uuid, name, is_archived FROM acme.client WHERE uuid = ?")) {
                    List<String> found = new ArrayList<>();
                    for (String key : keys) {
                        statement.setObject(1, UUID.fromString(key));
                        try (ResultSet result = statement.executeQuery()) {
                            while (result.next()) {
                                found.add(result.getObject(1, UUID.class).toString());
                            }
                        }
                    }
                    TAP.is(found, keys, mode + ": the right row each time");
                }
                TAP.is(SIMULATOR.callsSince(mark), 12, mode + ": a call each time");
                TAP.is(query(connection, "SELECT generic_plans + custom_plans >= 9 FROM pg_prepared_statements WHERE statement LIKE '%acme.client%'"), List.of("t"),
                    mode + ": prepared on the server");
                if (mode.equals("force_generic_plan")) {
                    TAP.is(query(connection, "SELECT custom_plans FROM pg_prepared_statements WHERE statement LIKE '%acme.client%'"), List.of("0"), mode + ": with a generic plan");
                }
                parameters(connection, mode);
            }
        }
    }

    private static void parameters(Connection connection, String mode) throws Exception {
        String dates = "SELECT count(*), sum(minutes) FROM %s.time_entry WHERE date >= ? AND date < ?";

        try (PreparedStatement remote = connection.prepareStatement(dates.formatted("acme")); PreparedStatement local = connection.prepareStatement(dates.formatted("copy"))) {
            boolean same = true;
            int calls = 0;

            for (int month = 1; month <= 6; month++) {
                List<String> sides = new ArrayList<>();
                long mark = SIMULATOR.mark();
                for (PreparedStatement statement : List.of(remote, local)) {
                    statement.setObject(1, LocalDate.of(2026, month, 1));
                    statement.setDate(2, Date.valueOf(LocalDate.of(2026, month, 1).plusMonths(1)));
                    try (ResultSet result = statement.executeQuery()) {
                        result.next();
                        sides.add(result.getLong(1) + " " + result.getLong(2));
                    }
                }
                same &= sides.get(0).equals(sides.get(1)) && !sides.get(0).startsWith("0 ");
                calls += SIMULATOR.callsSince(mark);
            }
            TAP.ok(same, mode + ": dates as parameters");
            TAP.is(calls, 6, mode + ": a call for each month");
        }
        try (PreparedStatement statement = connection.prepareStatement("SELECT name FROM acme.client WHERE uuid = ANY (?) ORDER BY uuid")) {
            List<String> keys = query(connection, "SELECT uuid FROM copy.client ORDER BY uuid LIMIT 3");
            Array array = connection.createArrayOf("uuid", keys.stream().map(UUID::fromString).toArray());

            for (int i = 0; i < 6; i++) {
                statement.setArray(1, array);
                try (ResultSet result = statement.executeQuery()) {
                    int rows = 0;
                    while (result.next()) {
                        rows++;
                    }
                    if (rows != 3) {
                        TAP.ok(false, mode + ": an array as parameter, run " + i);
                    }
                }
            }
            TAP.ok(true, mode + ": an array as parameter");
        }
        try (PreparedStatement statement = connection.prepareStatement("SELECT count(*) FROM acme.job WHERE id = ? AND (?::date IS NULL OR start_date >= ?)")) {
            for (int i = 0; i < 6; i++) {
                statement.setString(1, JOB);
                statement.setNull(2, Types.DATE);
                statement.setNull(3, Types.DATE);
                long mark = SIMULATOR.mark();
                try (ResultSet result = statement.executeQuery()) {
                    result.next();
                    if (result.getInt(1) != 1 || SIMULATOR.callsSince(mark) != 1) {
                        TAP.ok(false, mode + ": optional parameters, run " + i);
                    }
                }
            }
            TAP.ok(true, mode + ": optional parameters");
        }
        PSQLException problem = TAP.fails(() -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT name FROM acme.client WHERE uuid = ?")) {
                statement.setString(1, CLIENT.toString());
                statement.executeQuery();
            }
        }, PSQLException.class, mode + ": text for a uuid is an error, as on any table");
        TAP.is(problem == null ? null : problem.getSQLState(), "42883", mode + ": of the server's");
    }

    private static void types() throws Exception {
        String sql = "SELECT uuid, job_id, date, minutes, billable, start_time, note FROM %s.time_entry WHERE date BETWEEN '2026-01-01' AND '2026-01-31' ORDER BY uuid";
        List<List<String>> results = new ArrayList<>();

        for (String binary : List.of("true", "false")) {
            for (String schema : List.of("acme", "bi", "copy")) {
                try (Connection connection = connect("binaryTransfer", binary, "prepareThreshold", "-1"); Statement statement = connection.createStatement();
                    ResultSet result = statement.executeQuery(sql.formatted(schema))) {
                    List<String> rows = new ArrayList<>();
                    while (result.next()) {
                        rows.add(result.getObject(1) + "|" + result.getString(2) + "|" + result.getObject(3, LocalDate.class) + "|" + result.getInt(4) + "|" + result.getBoolean(5) + "|" + result.getTime(6) + "|"
                            + result.getString(7));
                    }
                    results.add(rows);
                }
            }
        }
        TAP.ok(!results.get(0).isEmpty() && new HashSet<>(results).size() == 1, "values are the same in text and binary, in tables, views and copies");
        try (Connection connection = connect("stringtype", "unspecified"); PreparedStatement statement = connection.prepareStatement("SELECT budget FROM acme.job WHERE id = ?")) {
            statement.setString(1, JOB);
            try (ResultSet result = statement.executeQuery()) {
                TAP.ok(result.next() && (result.getObject(1) == null || result.getObject(1) instanceof BigDecimal), "numeric is a BigDecimal");
            }
        }
        // The driver gives the server the zone of its virtual machine
        TimeZone before = TimeZone.getDefault();
        Set<String> days = new HashSet<>();
        for (String zone : List.of("Pacific/Auckland", "America/Los_Angeles", "UTC")) {
            TimeZone.setDefault(TimeZone.getTimeZone(zone));
            try (Connection connection = connect(); Statement statement = connection.createStatement();
                ResultSet result = statement.executeQuery("SELECT min(date), max(date), count(*) FROM acme.time_entry WHERE date BETWEEN '2026-02-01' AND '2026-02-28'")) {
                result.next();
                days.add(result.getDate(1) + " " + result.getDate(2) + " " + result.getInt(3));
            }
        }
        TimeZone.setDefault(before);
        TAP.is(days.size(), 1, "dates do not depend on the zone of the client");
    }

    private static void cursors() throws Exception {
        try (Connection connection = connect()) {
            connection.setAutoCommit(false);
            long mark = SIMULATOR.mark();
            try (Statement statement = connection.createStatement()) {
                statement.setFetchSize(50);
                try (ResultSet result = statement.executeQuery("SELECT uuid FROM acme.time_entry")) {
                    Set<String> seen = new HashSet<>();
                    while (result.next()) {
                        seen.add(result.getString(1));
                        if (seen.size() == 60) {
                            TAP.is(query(connection, "SELECT count(*) FROM acme.staff"), List.of("8"), "another query between the rows of a cursor");
                        }
                    }
                    TAP.is(seen.size(), ROWS, "a fetch size: all rows, none twice");
                }
            }
            TAP.is(SIMULATOR.callsSince(mark), WINDOWS + 1, "a fetch size: the calls of one reading");
            mark = SIMULATOR.mark();
            try (Statement statement = connection.createStatement()) {
                statement.setFetchSize(5);
                ResultSet result = statement.executeQuery("SELECT uuid FROM acme.time_entry");
                TAP.ok(result.next(), "a cursor of which one row is read");
                result.close();
            }
            TAP.ok(SIMULATOR.callsSince(mark) <= WINDOWS, "is closed");
            connection.rollback();
            mark = SIMULATOR.mark();
            try (Statement statement = connection.createStatement()) {
                statement.setMaxRows(7);
                try (ResultSet result = statement.executeQuery("SELECT uuid FROM acme.client")) {
                    TAP.is(column(result, "uuid").size(), 7, "setMaxRows");
                }
            }
            TAP.is(SIMULATOR.callsSince(mark), 1, "setMaxRows: one call");
            try (Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY);
                ResultSet result = statement.executeQuery("SELECT name FROM acme.client ORDER BY uuid")) {
                result.last();
                TAP.is(result.getRow(), 30, "a result that scrolls");
                result.first();
                TAP.is(result.getString(1), System.getenv("WFM_CLIENT_NAME"), "and goes back");
            }
            StringWriter text = new StringWriter();
            mark = SIMULATOR.mark();
            long copied = connection.unwrap(PGConnection.class).getCopyAPI().copyOut("COPY (SELECT uuid, name FROM acme.staff) TO STDOUT", text);
            TAP.is(copied, 8L, "CopyManager");
            TAP.is(SIMULATOR.callsSince(mark), 1, "CopyManager: one call");
            connection.commit();
        }
    }

    private static void ends() throws Exception {
        try (Connection connection = connect(); Statement statement = connection.createStatement()) {
            SIMULATOR.stall("*staff.api");
            for (String what : List.of("cancel", "setQueryTimeout", "statement_timeout")) {
                long started = System.nanoTime();
                Thread canceller = new Thread(() -> {
                    try {
                        SIMULATOR.waitForActive();
                        statement.cancel();
                    } catch (IOException | InterruptedException | SQLException problem) {
                        TAP.ok(false, "cancel", problem);
                    }
                });
                if (what.equals("cancel")) {
                    canceller.start();
                } else if (what.equals("setQueryTimeout")) {
                    statement.setQueryTimeout(1);
                } else {
                    statement.setQueryTimeout(0);
                    statement.execute("SET statement_timeout = 300");
                }
                PSQLException problem = TAP.fails(() -> statement.executeQuery("SELECT * FROM acme.staff"), PSQLException.class, what + " ends a query");
                TAP.is(problem == null ? null : problem.getSQLState(), "57014", what + ": 57014");
                TAP.ok(System.nanoTime() - started < 25_000_000_000L, what + ": before the silence is given up");
                // A cancel may arrive twice: the server signals the process and its group,
                // and whoever asked for it is told after both
                canceller.join();
                try {
                    statement.execute("RESET statement_timeout");
                } catch (SQLException late) {
                    statement.execute("RESET statement_timeout");
                }
                TAP.is(query(connection, "SELECT count(*) FROM acme.client"), List.of("30"), what + ": the session goes on");
            }
            SIMULATOR.release();
        }
        try (Connection connection = connect()) {
            connection.setReadOnly(true);
            connection.setAutoCommit(false);
            TAP.is(query(connection, "SELECT count(*) FROM acme.client"), List.of("30"), "a read-only transaction");
            connection.rollback();
        }
        try (Connection connection = connect(); Statement statement = connection.createStatement()) {
            PSQLException problem = TAP.fails(() -> statement.executeQuery("SELECT * FROM acme.client WHERE _modified_since < now()"), PSQLException.class, "a wrong use of an input column");
            TAP.ok(problem != null && problem.getServerErrorMessage().getHint() != null, "comes with its hint");
            TAP.fails(() -> statement.executeUpdate("DELETE FROM acme.client"), PSQLException.class, "DELETE is refused");
        }
    }

    /** Metabase, whose connections read only, and Tableau, which asks a driver for the columns of a statement first. */
    private static void tools(String[] files) throws Exception {
        for (String file : files) {
            try (Connection connection = connect("ApplicationName", file.replaceAll(".*/", ""))) {
                connection.setReadOnly(file.endsWith("metabase"));
                Probes.run(TAP, SIMULATOR, connection, file);
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        metadata();
        describing();
        prepared();
        types();
        cursors();
        ends();
        tools(arguments);
        TAP.end();
    }
}
