import java.nio.file.Path;
import org.codelibs.opensearch.runner.OpenSearchRunner;

/** Starts one OpenSearch node on HOST, with its HTTP port at PORT, its data in DIR, and prints "ready" when it answers. */
public final class Launcher {
    public static void main(String[] args) throws Exception {
        Path dir = Path.of(args[0]);
        String host = args[1];
        int port = Integer.parseInt(args[2]);
        OpenSearchRunner runner = new OpenSearchRunner();
        // Its own default ends at 9299. Node 1 listens on the base port plus one.
        runner.setMaxHttpPort(65000);
        runner.onBuild((number, settings) -> {
            settings.put("network.host", host);
            // Given here, as the runner itself takes another one while any address of this machine uses it.
            settings.put("http.port", String.valueOf(port));
            // The disk of a test machine may be nearly full; that is not what is tested.
            settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
        });
        runner.build(OpenSearchRunner.newConfigs().basePath(dir.toString()).numOfNode(1).baseHttpPort(port - 1).useLogger());
        runner.ensureYellow();
        System.out.println("ready");
        System.out.flush();
        // It lives until its standard input is closed, so that it does not outlive the test.
        while (System.in.read() >= 0) { }
        runner.close();
        System.exit(0);
    }
}
