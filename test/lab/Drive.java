// What a program with the JDBC driver does with a PostgreSQL address: rows, COPY both ways, LISTEN, a cancel, a large row.
// Run as a single file: java -cp postgresql.jar Drive.java URL USER. The password is in PGPASSWORD. Prints one JSON line.

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.postgresql.PGConnection;

public class Drive {
    static Connection connect(String[] args) throws SQLException {
        return DriverManager.getConnection(args[0], args[1], System.getenv("PGPASSWORD"));
    }

    public static void main(String[] args) throws Exception {
        try (Connection conn = connect(args); Connection other = connect(args); Statement st = conn.createStatement()) {
            st.execute("create temp table t (n int, what text)");
            StringBuilder lines = new StringBuilder();
            for (int n = 0; n < 100000; n++) lines.append(n).append('\t').append("line ").append(n).append('\n');
            PGConnection pg = conn.unwrap(PGConnection.class);
            byte[] in = lines.toString().getBytes(StandardCharsets.UTF_8);
            pg.getCopyAPI().copyIn("copy t from stdin", new ByteArrayInputStream(in));
            ByteArrayOutputStream back = new ByteArrayOutputStream();
            pg.getCopyAPI().copyOut("copy (select * from t order by n) to stdout", back);
            boolean copy = java.util.Arrays.equals(in, back.toByteArray());
            st.execute("listen news");
            other.createStatement().execute("notify news, 'hello'");
            boolean notified = pg.getNotifications(10000).length == 1;
            String state = "none";
            new Thread(() -> {
                try {
                    Thread.sleep(500);
                    st.cancel();
                } catch (Exception error) {
                    System.err.println(error);
                }
            }).start();
            try {
                st.execute("select pg_sleep(60)");
            } catch (SQLException error) {
                state = error.getSQLState();
            }
            ResultSet row = st.executeQuery("select repeat('x', 32 * 1024 * 1024)");
            row.next();
            System.out.println("{\"copy\":" + copy + ",\"notified\":" + notified + ",\"cancelled\":\"" + state
                + "\",\"large\":" + row.getString(1).length() + "}");
        }
    }
}
